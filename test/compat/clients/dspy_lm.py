"""DSPy's LM."""
import dspy
from dspy.utils.exceptions import LMAuthError, LMUnsupportedModelError

from checks import check_answer, check_refused, run, server


def lm(**options) -> dspy.LM:
    return dspy.LM(**{"model": "openai/" + server.chat, "api_base": server.base_url, "api_key": server.key, "cache": False,
                      "num_retries": 0, **options})


def chats():
    check_answer(lm()(server.question)[0])


def chats_over_several_turns():
    turns = [("user", "Hello"), ("assistant", "Hello."), ("user", server.question)]
    check_answer(lm()(messages=[{"role": role, "content": text} for role, text in turns])[0])


def is_told_errors():
    """Its errors tell the kind, and no status."""
    check_refused(lambda: lm(model="openai/nope")("?"), LMUnsupportedModelError, status="nope", text="model: unknown")


def is_refused_with_a_wrong_key():
    check_refused(lambda: lm(api_key="wrong")("?"), LMAuthError, status="demo", text="authentication required")


run(chats, chats_over_several_turns, is_told_errors, is_refused_with_a_wrong_key)

"""LlamaIndex's OpenAILike."""
import gc

import openai
from llama_index.core.llms import ChatMessage
from llama_index.llms.openai_like import OpenAILike

from checks import check_annotations, check_answer, check_cancelled, check_citations, check_refused, run, server, slow_question

turns = [ChatMessage(role="system", content="Be brief."), ChatMessage(role="user", content=server.prompt())]


def llm(**options) -> OpenAILike:
    return OpenAILike(**{"api_base": server.base_url, "api_key": server.key, "model": server.chat, "is_chat_model": True,
                         "max_retries": 0, **options})


def chats():
    check_answer(llm().chat(turns).message.content)


def streams():
    pieces = list(llm().stream_chat(turns))
    check_answer("".join(p.delta or "" for p in pieces))
    check_answer(pieces[-1].message.content)


def completes():
    check_answer(llm().complete(server.prompt()).text)


def shows_sources():
    raw = llm().chat(turns).raw
    check_citations(raw.citations)
    check_annotations([a.model_dump() for a in raw.choices[0].message.annotations])


def is_told_errors():
    check_refused(lambda: llm(model="nope").chat(turns), openai.NotFoundError, status=404, text="model")


def is_told_errors_of_overload():
    check_refused(lambda: llm(api_base=server.overloaded).chat(turns), openai.InternalServerError, status=503, text="overloaded")


def cancels():
    stream = llm().stream_chat([ChatMessage(role="user", content=slow_question())])
    next(stream)
    stream.close()
    del stream
    gc.collect()  # it closes the connection only when nothing refers to its response any more
    check_cancelled()


def is_refused_with_a_wrong_key():
    check_refused(lambda: llm(api_key="wrong").chat(turns), openai.AuthenticationError, status=401)


of_gateway = [shows_sources, is_told_errors, is_told_errors_of_overload, cancels, is_refused_with_a_wrong_key]
run(chats, streams, completes, *(of_gateway if server.gateway else []))

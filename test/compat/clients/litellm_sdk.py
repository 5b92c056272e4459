"""LiteLLM, as a library."""
import os

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # it would download a list of prices

import litellm

from checks import check_annotations, check_answer, check_cancelled, check_refused, run, server, slow_question

litellm.suppress_debug_info = True


def ask(question: str, **options):
    return litellm.completion(**{"model": "openai/" + server.chat, "api_base": server.base_url, "api_key": server.key,
                                 "messages": [{"role": "user", "content": question}], "max_retries": 0, **options})


def chats():
    check_answer(ask(server.prompt()).choices[0].message.content)


def streams():
    check_answer("".join(c.choices[0].delta.content or "" for c in ask(server.prompt(), stream=True)))


def responds():
    reply = litellm.responses(model="openai/" + server.chat, api_base=server.base_url, api_key=server.key, input=server.prompt())
    check_answer(reply.output[0].content[0].text)


def shows_sources():
    message = ask(server.prompt()).choices[0].message
    check_annotations([dict(a) for a in message.annotations])


def embeds():
    reply = litellm.embedding(model="openai/" + server.embedding, api_base=server.base_url, api_key=server.key, input=["an index"])
    assert any(reply.data[0]["embedding"])


def reranks():
    texts = ["Rinse the rice.", "A pipeline switches once the new index is complete."]
    reply = litellm.rerank(model="cohere/" + server.ranking, api_base=server.base_url.removesuffix("/v1"), api_key=server.key,
                           query=server.question, documents=texts, top_n=1)
    assert [r["index"] for r in reply.results] == [1], reply.results


def is_told_errors():
    check_refused(lambda: ask("?", model="openai/nope"), litellm.NotFoundError, status=404, text="model")


def is_told_errors_of_overload():
    check_refused(lambda: ask("?", api_base=server.overloaded), litellm.ServiceUnavailableError, status=503, text="overloaded")


def cancels():
    stream = ask(slow_question(), stream=True)
    next(iter(stream))
    stream.completion_stream.close()
    check_cancelled()


def is_refused_with_a_wrong_key():
    check_refused(lambda: ask("?", api_key="wrong"), litellm.AuthenticationError, status=401)


run(chats, streams, responds, shows_sources, embeds, reranks, is_told_errors, is_told_errors_of_overload,
    cancels, is_refused_with_a_wrong_key)

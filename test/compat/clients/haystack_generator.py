"""Haystack's OpenAIChatGenerator and embedders."""
import gc

import openai
from haystack.components.embedders import OpenAITextEmbedder
from haystack.components.generators.chat import OpenAIChatGenerator
from haystack.dataclasses import ChatMessage
from haystack.utils import Secret

from checks import check_answer, check_cancelled, check_refused, run, server, slow_question

turns = [ChatMessage.from_system("Be brief."), ChatMessage.from_user(server.question)]


def generator(key=server.key, url=server.base_url, **options) -> OpenAIChatGenerator:
    return OpenAIChatGenerator(**{"api_key": Secret.from_token(key), "api_base_url": url, "model": server.chat,
                                  "max_retries": 0, **options})


def chats():
    check_answer(generator().run(turns)["replies"][0].text)


def streams():
    pieces = []
    reply = generator(streaming_callback=lambda chunk: pieces.append(chunk.content)).run(turns)["replies"][0]
    check_answer(reply.text)
    assert "".join(pieces) == reply.text, pieces


def embeds():
    embedder = OpenAITextEmbedder(api_key=Secret.from_token(server.key), api_base_url=server.base_url, model=server.embedding)
    assert any(embedder.run("an index")["embedding"])


def is_told_errors():
    check_refused(lambda: generator(model="nope").run(turns), openai.NotFoundError, status=404, text="model")


def is_told_errors_of_overload():
    check_refused(lambda: generator(url=server.overloaded).run(turns), openai.InternalServerError, status=503, text="overloaded")


def cancels():
    def leave(chunk):
        if chunk.content:
            raise KeyboardInterrupt

    try:
        generator(streaming_callback=leave).run([ChatMessage.from_user(slow_question())])
    except KeyboardInterrupt:
        pass
    gc.collect()  # nobody closes the stream but this
    check_cancelled()


def is_refused_with_a_wrong_key():
    check_refused(lambda: generator(key="wrong").run(turns), openai.AuthenticationError, status=401)


run(chats, streams, embeds, is_told_errors, is_told_errors_of_overload, cancels, is_refused_with_a_wrong_key)

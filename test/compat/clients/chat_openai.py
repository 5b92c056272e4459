"""LangChain's ChatOpenAI and OpenAIEmbeddings."""
import openai
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

from checks import check_annotations, check_answer, check_cancelled, check_refused, run, server, slow_question


def chat(**options) -> ChatOpenAI:
    return ChatOpenAI(**{"base_url": server.base_url, "api_key": server.key, "model": server.chat, "temperature": 0,
                         "max_retries": 0, **options})


def chats():
    answer = chat().invoke(server.prompt())
    check_answer(answer.content)
    assert answer.response_metadata["finish_reason"] == "stop", answer.response_metadata


def chats_over_several_turns():
    turns = [("system", "Be brief."), ("user", "Hello"), ("assistant", "Hello."), ("user", server.prompt())]
    check_answer(chat().invoke(turns).content)


def chats_with_tools_bound():
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
    check_answer(chat().bind_tools([tool]).invoke(server.prompt()).content)


def streams():
    check_answer("".join(c.content for c in chat().stream(server.prompt())))


def responds():
    answer = chat(use_responses_api=True).invoke(server.prompt())
    check_answer(answer.text)


def responds_streamed():
    check_answer("".join(c.text for c in chat(use_responses_api=True).stream(server.prompt())))


def shows_sources():
    for answer in (
        chat(use_responses_api=True).invoke(server.prompt()),
        sum_of(chat(use_responses_api=True).stream(server.prompt())),
    ):
        check_annotations([a for block in answer.content for a in block.get("annotations", [])])


def sum_of(chunks):
    chunks = list(chunks)
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole += chunk
    return whole


def embeds():
    """By default, it sends token ids. Its tokenizer cannot be downloaded here, so that these are sent as they are."""
    embedder = OpenAIEmbeddings(base_url=server.base_url, api_key=server.key, model=server.embedding,
                                check_embedding_ctx_length=False)
    assert any(embedder.embed_query("an index"))
    ids = embedder.client.create(input=[[15339, 1917]], model=server.embedding, encoding_format="float")
    texts = embedder.client.create(input=["hello world"], model=server.embedding, encoding_format="float")
    assert ids.data[0].embedding == texts.data[0].embedding


def is_told_errors():
    check_refused(lambda: chat(model="nope").invoke("?"), openai.NotFoundError, status=404, text="model")


def is_told_errors_of_overload():
    check_refused(lambda: chat(base_url=server.overloaded).invoke("?"), openai.InternalServerError, status=503, text="overloaded")


def cancels():
    stream = chat().stream(slow_question())
    next(stream)
    stream.close()
    check_cancelled()


def is_refused_with_a_wrong_key():
    check_refused(lambda: chat(api_key="wrong").invoke("?"), openai.AuthenticationError, status=401)


of_gateway = [chats_with_tools_bound, responds, responds_streamed, shows_sources, embeds, is_told_errors,
              is_told_errors_of_overload, cancels, is_refused_with_a_wrong_key]
run(chats, streams, chats_over_several_turns, *(of_gateway if server.gateway else []))

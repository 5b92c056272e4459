"""LlamaIndex's OpenAILike."""
from llama_index.core.llms import ChatMessage
from llama_index.llms.openai_like import OpenAILike

from checks import check_answer, run, server

llm = OpenAILike(api_base=server.base_url, api_key="any", model=server.chat, is_chat_model=True, max_retries=0)
turns = [ChatMessage(role="system", content="Be brief."), ChatMessage(role="user", content=server.prompt())]


def chats():
    check_answer(llm.chat(turns).message.content)


def chats_streamed():
    pieces = list(llm.stream_chat(turns))
    check_answer("".join(p.delta or "" for p in pieces))
    check_answer(pieces[-1].message.content)


def completes():
    check_answer(llm.complete(server.prompt()).text)


run(chats, chats_streamed, completes)

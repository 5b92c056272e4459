"""LangChain's ChatOpenAI."""
from langchain_openai import ChatOpenAI

from checks import check_answer, run, server

chat = ChatOpenAI(base_url=server.base_url, api_key="any", model=server.chat, temperature=0, max_retries=0)


def chats():
    answer = chat.invoke(server.prompt())
    check_answer(answer.content)
    assert answer.response_metadata["finish_reason"] == "stop", answer.response_metadata


def chats_streamed():
    check_answer("".join(c.content for c in chat.stream(server.prompt())))


def chats_over_several_turns():
    turns = [("system", "Be brief."), ("user", "Hello"), ("assistant", "Hello."), ("user", server.prompt())]
    check_answer(chat.invoke(turns).content)


run(chats, chats_streamed, chats_over_several_turns)

"""Pydantic AI's agents, with OpenAI's chat and responses."""
import asyncio

from pydantic_ai import Agent
from pydantic_ai.exceptions import ModelHTTPError
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.openai import OpenAIProvider
from openai import AsyncOpenAI

from checks import check_annotations, check_answer, check_cancelled, check_refused, run, server, slow_question


def model(kind=OpenAIChatModel, name=server.chat, key=server.key, url=server.base_url):
    client = AsyncOpenAI(base_url=url, api_key=key, max_retries=0)
    return kind(name, provider=OpenAIProvider(openai_client=client))


def chats():
    check_answer(Agent(model(), instructions="Be brief.").run_sync(server.question).output)


def chats_with_a_tool():
    agent = Agent(model())

    @agent.tool_plain
    def today() -> str:
        """The date of today."""
        return "2026-01-01"

    check_answer(agent.run_sync(server.question).output)


def chats_over_several_turns():
    first = Agent(model()).run_sync("Hello")
    check_answer(Agent(model()).run_sync(server.question, message_history=first.all_messages()).output)


def streams():
    async def stream():
        async with Agent(model()).run_stream(server.question) as result:
            return "".join([piece async for piece in result.stream_text(delta=True)])

    check_answer(asyncio.run(stream()))


def responds():
    check_answer(Agent(model(OpenAIResponsesModel)).run_sync(server.question).output)


def shows_sources():
    """It keeps the annotations of a responses' text."""
    settings = {"openai_include_raw_annotations": True}
    result = Agent(model(OpenAIResponsesModel), model_settings=settings).run_sync(server.question)
    details = [part.provider_details or {} for part in result.response.parts]
    check_annotations([a for d in details for a in d.get("annotations", [])])


def is_told_errors():
    check_refused(lambda: Agent(model(name="nope")).run_sync("?"), ModelHTTPError, status=404, text="model")


def is_told_errors_of_overload():
    check_refused(lambda: Agent(model(url=server.overloaded)).run_sync(server.question), ModelHTTPError, status=503,
                  text="overloaded")


def cancels():
    async def leave():
        async with Agent(model()).run_stream(slow_question()) as result:
            async for _ in result.stream_text(delta=True):
                break

    asyncio.run(leave())
    check_cancelled()


def is_refused_with_a_wrong_key():
    check_refused(lambda: Agent(model(key="wrong")).run_sync("?"), ModelHTTPError, status=401)


run(chats, chats_with_a_tool, chats_over_several_turns, streams, responds, shows_sources, is_told_errors,
    is_told_errors_of_overload, cancels, is_refused_with_a_wrong_key)

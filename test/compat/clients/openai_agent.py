"""OpenAI's Agents SDK, with its models of chat and of responses."""
import asyncio

import openai
from agents import Agent, OpenAIChatCompletionsModel, OpenAIResponsesModel, Runner, function_tool, set_tracing_disabled

from checks import check_annotations, check_answer, check_cancelled, check_refused, run, server, slow_question

set_tracing_disabled(True)


def agent(kind=OpenAIChatCompletionsModel, name=server.chat, key=server.key, url=server.base_url, **options) -> Agent:
    client = openai.AsyncOpenAI(base_url=url, api_key=key, max_retries=0)
    return Agent(name="a", instructions="Be brief.", model=kind(model=name, openai_client=client), **options)


def ask(question=server.question, **options):
    return Runner.run_sync(agent(**options), question)


@function_tool
def today() -> str:
    """The date of today."""
    return "2026-01-01"


def chats():
    check_answer(ask().final_output)


def chats_with_a_tool():
    check_answer(ask(tools=[today]).final_output)


def streams():
    async def stream(kind):
        result = Runner.run_streamed(agent(kind), server.question)
        pieces = [e.data.delta async for e in result.stream_events()
                  if e.type == "raw_response_event" and e.data.type == "response.output_text.delta"]
        return "".join(pieces)

    for kind in (OpenAIChatCompletionsModel, OpenAIResponsesModel):
        check_answer(asyncio.run(stream(kind)))


def responds():
    check_answer(ask(kind=OpenAIResponsesModel).final_output)


def shows_sources():
    items = ask(kind=OpenAIResponsesModel).raw_responses[0].output
    check_annotations([a.model_dump() for item in items for a in item.content[0].annotations])


def is_told_errors():
    check_refused(lambda: ask(name="nope"), openai.NotFoundError, status=404, text="model")


def is_told_errors_of_overload():
    check_refused(lambda: ask(url=server.overloaded), openai.InternalServerError, status=503, text="overloaded")


def cancels():
    async def leave():
        result = Runner.run_streamed(agent(), slow_question())
        async for event in result.stream_events():
            if event.type == "raw_response_event" and event.data.type == "response.output_text.delta":
                result.cancel()
                break

    asyncio.run(leave())
    check_cancelled()


def is_refused_with_a_wrong_key():
    check_refused(lambda: ask(key="wrong"), openai.AuthenticationError, status=401)


run(chats, chats_with_a_tool, streams, responds, shows_sources, is_told_errors, is_told_errors_of_overload, cancels,
    is_refused_with_a_wrong_key)

"""The Model Context Protocol's own client for Python, over HTTP and over standard input and output."""
import asyncio
import os
from contextlib import asynccontextmanager

import httpx2
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from checks import check_answer, run, server

endpoint = server.base_url.removesuffix("/v1") + "/mcp"


@asynccontextmanager
async def over_http(key=server.key, statuses=None, **options):
    async def note(reply):
        if statuses is not None:
            statuses.append(reply.status_code)

    async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {key}"}, timeout=30,
                                  event_hooks={"response": [note]}) as http:
        async with Client(streamable_http_client(endpoint, http_client=http), **options) as client:
            yield client


@asynccontextmanager
async def over_stdio(**options):
    command = StdioServerParameters(command=os.environ["RAGPIPELINE"], env={"RAGPIPELINE_API_KEY": server.key},
                                    args=["mcp", "--url", server.base_url])
    async with Client(command, **options) as client:
        yield client


async def use(client):
    tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert set(tools) == {"search", "ask"} and tools["ask"].output_schema, tools

    found = await client.call_tool("search", {"query": server.question, "limit": 2})
    passages = found.structured_content["passages"]
    assert not found.is_error and 0 < len(passages) <= 2 and passages[0]["text"], found

    answer = await client.call_tool("ask", {"question": server.question})
    check_answer(answer.structured_content["answer"])
    assert answer.structured_content["sources"], answer

    refused = await client.call_tool("search", {"query": server.question, "limit": 1000})
    assert refused.is_error and "1 to 25" in refused.content[0].text, refused

    listed = (await client.list_resources()).resources
    assert passages[0]["resource"] in {str(r.uri) for r in listed}, listed
    document = await client.read_resource(passages[0]["resource"])
    assert passages[0]["text"][:20] in document.contents[0].text, document
    try:
        await client.read_resource("ragpipeline:///docs/none")
    except MCPError as e:
        assert "not found" in str(e).lower(), e
    else:
        raise AssertionError("an unknown document was read")


def of(connection, **options):
    async def check():
        async with connection(**options) as client:
            await use(client)
    return lambda: asyncio.run(check())


def is_refused_with_a_wrong_key():
    statuses = []
    try:
        of(over_http, key="wrong", statuses=statuses)()
    except Exception:
        assert statuses and set(statuses) == {401}, statuses  # the client's own error does not tell the status
    else:
        raise AssertionError("accepted")


def named(name, check):
    check.__name__ = name
    return check


run(named("uses_http", of(over_http)), named("uses_http_with_a_handshake", of(over_http, mode="legacy")),
    named("uses_stdio", of(over_stdio)), is_refused_with_a_wrong_key)

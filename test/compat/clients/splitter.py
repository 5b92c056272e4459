"""LangChain's recursive splitter as a filter: {"text", "size", "overlap"} a line in, its chunks a line out."""
import json
import sys

from langchain_text_splitters import RecursiveCharacterTextSplitter

for line in sys.stdin:
    case = json.loads(line)
    splitter = RecursiveCharacterTextSplitter(chunk_size=case["size"], chunk_overlap=case["overlap"])
    print(json.dumps(splitter.split_text(case["text"])))

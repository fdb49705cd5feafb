"""datatrove's tokenizer writer, which shuffles by a seed, on Parquet files: `CORPUS FOLDER TOKENIZER`."""

import json
import sys

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.readers import ParquetReader
from datatrove.pipeline.tokens import DocumentTokenizer
from measuring import Clock

corpus, folder, tokenizer = sys.argv[1:]
clock = Clock()
steps = [
    ParquetReader(corpus),
    DocumentTokenizer(
        f"{folder}/ds", tokenizer_name_or_path=f"{tokenizer}/tokenizer.json", eos_token="<|end|>", seed=1
    ),
]
LocalPipelineExecutor(steps, tasks=1, workers=1, logging_dir=f"{folder}/logs", start_method="fork").run()
print(json.dumps({"cpu_s": clock.cpu()}))

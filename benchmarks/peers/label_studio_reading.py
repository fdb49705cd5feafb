"""Label Studio's own reading of our configuration and tasks, and a completed annotation for each as it samples them.

Arguments: the configuration, the tasks, where to write the export. Prints how many tasks it found valid.
"""

import json
import sys
from pathlib import Path

from label_studio_sdk.label_interface import LabelInterface

config, tasks, target = map(Path, sys.argv[1:])
interface = LabelInterface(config.read_text(encoding="utf-8"))
interface.validate()
asked = json.loads(tasks.read_text(encoding="utf-8"))
valid, export = 0, []
for number, task in enumerate(asked, start=1):
    valid += interface.validate_task(task)
    result = []
    for name in ("form", "function", "comment"):
        control = interface.get_control(name)
        words = ["so"] if name == "comment" else [list(control.labels)[(number + len(name)) % len(control.labels)]]
        value = {"text": words} if name == "comment" else {"choices": words}
        result.append({"from_name": name, "to_name": control.to_name[0], "type": control.tag.lower(), "value": value})
    annotation = {"id": number, "completed_by": 3, "result": result, "was_cancelled": False}
    annotation |= {"created_at": "2026-03-01T09:30:00.000001Z", "updated_at": "2026-03-01T09:30:00.000001Z"}
    assert interface.validate_annotation(annotation), annotation
    export.append({"id": number, "data": task["data"], "annotations": [annotation]})
target.write_text(json.dumps(export), encoding="utf-8")
print(json.dumps({"tasks": len(asked), "valid": valid}))

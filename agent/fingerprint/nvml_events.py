"""Run as a child (`python -m agent.fingerprint.nvml_events`): prints each error that the driver reports of a GPU, one
JSON line each. It only hears of what happens while it runs."""

import json
import sys

import pynvml


def main() -> None:
    pynvml.nvmlInit()
    events = pynvml.nvmlEventSetCreate()
    for index in range(pynvml.nvmlDeviceGetCount()):
        try:
            handle = pynvml.nvmlDeviceGetHandleByIndex(index)
            pynvml.nvmlDeviceRegisterEvents(handle, pynvml.nvmlEventTypeXidCriticalError, events)
        except pynvml.NVMLError:
            continue  # lost, or it reports none: the other GPUs do
    while True:
        try:
            event = pynvml.nvmlEventSetWait_v2(events, 60_000)
        except pynvml.NVMLError_Timeout:
            continue
        uuid = pynvml.nvmlDeviceGetUUID(event.device)
        text = uuid.decode() if isinstance(uuid, bytes) else uuid
        sys.stdout.write(json.dumps({"uuid": text, "xid": event.eventData}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()

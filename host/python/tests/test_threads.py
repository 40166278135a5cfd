"""Threads and forks."""
import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import weighbridge
import weighbridge.numpy


def test_threads_share_a_model():
    model = weighbridge.open("model.gguf")
    found, failed = [], []

    def work():
        try:
            for _ in range(20):
                found.append((model.tensor("plain").numpy().sum(), model.metadata["tokenizer.ggml.tokens"]))
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert not failed and len(found) == 160 and all(one == (15.0, ["a", "b", "c"]) for one in found)


def test_threads_open_models_at_the_same_time():
    sums = []
    threads = [
        threading.Thread(target=lambda: sums.append(weighbridge.numpy.load_file("model.safetensors")["bias"].sum())) for _ in range(8)
    ]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert sums == [6] * 8


def test_other_threads_go_on_while_bytes_are_moved(tmp_path):
    """A copy of 256 MiB is made by a thread that does not hold the interpreter: another one counts meanwhile."""
    from safetensors.numpy import save_file

    save_file({"big": np.zeros(64 << 20, np.float32)}, tmp_path / "big.safetensors")
    model = weighbridge.open(tmp_path / "big.safetensors")
    began, counted, longest = threading.Event(), 0, 0.0

    def load():
        began.set()
        model.load(policy="read-copy")

    thread = threading.Thread(target=load)
    thread.start()
    began.wait()
    last = start = time.perf_counter()
    while thread.is_alive():
        time.sleep(0.0005)
        now = time.perf_counter()
        counted, longest, last = counted + 1, max(longest, now - last), now
    whole = last - start
    thread.join()
    assert counted >= 3 and longest < max(0.75 * whole, 0.05), (counted, longest, whole)


def test_a_load_is_cancelled_from_another_thread():
    model = weighbridge.open("model.safetensors")
    model.cancel()
    with pytest.raises(weighbridge.Error) as caught:
        model.load(policy="read-copy")
    assert caught.value.cause == "cancelled"


FORKED = """
import os, sys, weighbridge
model = weighbridge.open("model.safetensors")
array = model.tensor("scale").numpy()
child = os.fork()
if child == 0:
    said = ""
    try:
        model.load()
    except weighbridge.Error as error:
        said = str(error)
    kept = array.tolist()
    again = weighbridge.open("model.safetensors").tensor("bias").numpy().tolist()
    del model
    ok = "of which this one is a fork; open the model again in this process" in said and kept == [0.5, 2.0] and again == [1, 2, 3]
    print(said, kept, again, file=sys.stderr)
    os._exit(0 if ok else 1)
_, status = os.waitpid(child, 0)
assert model.tensor("bias").numpy().tolist() == [1, 2, 3], "the parent's is as it was"
sys.exit(os.waitstatus_to_exitcode(status))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_fork_is_refused_the_model_keeps_the_arrays_and_opens_anew():
    done = subprocess.run([sys.executable, "-c", FORKED], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr


def test_workers_of_multiprocessing_open_their_own():
    code = """
import multiprocessing, weighbridge.numpy

def total(path):
    return int(weighbridge.numpy.load_file(path)["bias"].sum())

if __name__ == "__main__":
    total("model.safetensors")
    for method in multiprocessing.get_all_start_methods():
        with multiprocessing.get_context(method).Pool(2) as pool:
            assert pool.map(total, ["model.safetensors"] * 4) == [6] * 4, method
"""
    with open("workers.py", "w") as file:
        file.write(code)
    done = subprocess.run([sys.executable, "workers.py"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr

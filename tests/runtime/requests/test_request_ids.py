"""Ids of requests: of one form, never twice, in threads and in processes that were forked."""

from __future__ import annotations

import os
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from routelab.runtime.requests import new_request_id


def test_ids_are_of_one_form_and_never_twice_the_same():
    with ThreadPoolExecutor(8) as pool:
        drawn = list(pool.map(lambda _: new_request_id(), range(5_000)))

    assert len(set(drawn)) == len(drawn)
    assert all(re.fullmatch(r"[0-9a-f]{32}", it) for it in drawn)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_draws_ids_of_its_own():
    new_request_id()  # others are drawn already
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.write(writer, ",".join(new_request_id() for _ in range(10)).encode())
        os._exit(0)
    os.waitpid(child, 0)
    theirs = os.read(reader, 4096).decode().split(",")
    os.close(reader)
    os.close(writer)

    assert len(theirs) == 10
    assert not set(theirs) & {new_request_id() for _ in range(200)}

"""What came of a batch, in OpenAI's format: a file of answers and one of failures.

A line is with the operating system before the next request is asked in its place, so that it
outlives this process; what a killed one left half written is asked again.

Source: OpenAI, Batch API, the output and error files.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from routelab.core.storage import check_regular, lines_of, lock_file, open_regular, replacing
from routelab.errors import ConfigError
from routelab.runtime import decode_json, encode_json
from routelab.serve.batch.batch_input import BatchInput
from routelab.serve.gateway import GatewayAnswer
from routelab.serve.refusal import RefusedError


class BatchOutput:
    """The two files, of which this process is the only writer; used within `with`.

    Attributes:
        answered, failed: ids of the requests that are in them.
        cost_usd: of those, as far as is known.
        before: how many answers each policy gave in earlier runs, by name.

    Args:
        path: of the answers.
        errors: of the failures.
        retry: ask those that failed again.
    """

    def __init__(self, path: Path, errors: Path, retry: bool = False) -> None:
        self.path, self.errors = path, errors
        self.answered: set[str] = set()
        self.failed: set[str] = set()
        self.cost_usd = 0.0
        self.before: Counter[str] = Counter()
        self._retry = retry
        self._files: list[BinaryIO] = []

    def __enter__(self) -> Self:
        path = self.errors
        try:
            if self._retry and self.errors.exists():
                self._keep_what_costs()
            for path, ids in ((self.path, self.answered), (self.errors, self.failed)):
                check_regular(path)
                file = path.open("ab+")
                self._files.append(file)
                try:
                    lock_file(file.fileno())
                except OSError as error:
                    raise ConfigError(
                        f"{path}: another process writes it; wait for that, or give another name"
                    ) from error
                self._recover(path, file, ids)
        except OSError as error:
            self.__exit__(None, None, None)
            raise ConfigError(f"{path}: cannot be written: {error.strerror or error}") from error
        except ConfigError:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for file in self._files:
            file.flush()
            os.fsync(file.fileno())
            file.close()
        self._files.clear()

    def check(self, asked: BatchInput) -> None:
        """Refuse files of another batch.

        Raises:
            ConfigError: they hold an id that this batch has not.
        """
        for path, ids in ((self.path, self.answered), (self.errors, self.failed)):
            if stranger := next((it for it in ids if it not in asked), None):
                raise ConfigError(
                    f"{path}: holds {stranger!r}, which {asked.path.name} does not ask: it is of"
                    " another batch; give another name"
                )

    def answer(self, custom_id: str, request_id: str, answer: GatewayAnswer) -> None:
        """Write an answer down.

        Args:
            custom_id: of the line that asked.
            request_id: of the request that it became.
            answer: to it.
        """
        response = {"status_code": 200, "request_id": request_id, "body": answer.body}
        self._write(self._files[0], custom_id, request_id, response, None)
        self.answered.add(custom_id)

    def failure(self, custom_id: str, request_id: str, refusal: RefusedError) -> None:
        """Write down why there is no answer.

        Args:
            custom_id: of the line that asked.
            request_id: of the request that it became.
            refusal: why.
        """
        response = {
            "status_code": refusal.status,
            "request_id": request_id,
            "body": {**refusal.body, "routelab": {"cost_usd": refusal.cost_usd}},
        }
        told = {"code": refusal.code, "message": refusal.message}
        self._write(self._files[1], custom_id, request_id, response, told)
        self.failed.add(custom_id)

    def _write(
        self, file: BinaryIO, custom_id: str, request_id: str, response: Any, error: Any
    ) -> None:
        line = {
            "id": f"batch_req_{request_id}",
            "custom_id": custom_id,
            "response": response,
            "error": error,
        }
        file.write(encode_json(line) + b"\n")
        file.flush()

    def _recover(self, path: Path, file: BinaryIO, ids: set[str]) -> None:
        """Read what is there, and cut off a line that a killed process left half written."""
        file.seek(0)
        whole = 0
        for line in lines_of(file):
            if not line.endswith(b"\n"):
                break
            try:
                found = decode_json(line)
                ids.add(found["custom_id"])
                self.cost_usd += _cost_usd(found)
                if policy := found["response"]["body"]["routelab"].get("policy"):
                    self.before[policy] += 1
            except (ValueError, TypeError, KeyError) as error:
                raise ConfigError(
                    f"{path}: is no file of a batch's answers, at byte {whole}; give another name"
                ) from error
            whole += len(line)
        file.truncate(whole)
        file.seek(0, os.SEEK_END)

    def _keep_what_costs(self) -> None:
        """Take the failures out of their file, to ask them again; what they cost was spent."""
        lines = list(_whole_lines(self.errors))
        self.cost_usd += sum(map(_cost_usd, lines))
        with replacing(self.errors) as fresh:
            fresh.write_bytes(b"")


def _whole_lines(path: Path) -> Iterator[dict[str, Any]]:
    with open_regular(path) as file:
        for line in lines_of(file):
            if line.endswith(b"\n"):
                yield decode_json(line)


def _cost_usd(line: dict[str, Any]) -> float:
    """What a request of a file cost; nothing where nobody knows."""
    return float(line["response"]["body"]["routelab"]["cost_usd"] or 0.0)

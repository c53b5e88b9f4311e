"""The router without `await`, for scripts, threads and notebooks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Never, Self

from routelab.core.catalogue import Catalogue
from routelab.policy_file import PolicyFile, load
from routelab.runtime.background import BackgroundLoop
from routelab.runtime.config import RouterConfig, checked
from routelab.runtime.metrics import Snapshot
from routelab.runtime.requests import Messages, Piece, RequestOptions, StreamedAnswer
from routelab.runtime.routed_answer import RoutedAnswer
from routelab.runtime.router import AsyncRouter, check_router_policy


class Router:
    """`AsyncRouter` on an event loop of its own, so it works inside a running one too.

    May be used from many threads at once. Arguments and errors are those of `AsyncRouter`.

    >>> import httpx
    >>> from routelab import Router
    >>> from routelab.runtime import RouterConfig
    >>> def endpoint(request):  # stands for the network
    ...     message = {"role": "assistant", "content": "4"}
    ...     sure = {"signals": {"confidence": 0.9}}
    ...     return httpx.Response(200, json={"choices": [{"message": message}], "routelab": sure})
    >>> config = RouterConfig(transport=httpx.MockTransport(endpoint))
    >>> with Router.load("mine.policy", "models.toml", config) as router:
    ...     routed = router.route("What is 2 + 2?", task="maths", temperature=0)
    >>> routed.answer, [step.feedback.model for step in routed.decision.steps]
    ('4', ['medium-70b'])
    """

    def __init__(
        self,
        policy: PolicyFile,
        catalogue: Catalogue | str | Path | None = None,
        config: RouterConfig | None = None,
        **unknown: Never,
    ) -> None:
        config = checked("Router", config, unknown)
        check_router_policy("Router", policy)
        self._router = AsyncRouter(policy, catalogue, config)
        self._background = BackgroundLoop()

    @classmethod
    def load(
        cls,
        path: str | Path,
        catalogue: Catalogue | str | Path | None = None,
        config: RouterConfig | None = None,
        *,
        packages: Sequence[str] = (),
        **unknown: Never,
    ) -> Self:
        """A router for the policy directory at `path`; the rest is as the constructor has it.

        Args:
            path: of the policy directory.
            catalogue, config: as `AsyncRouter` has them.
            packages: that bring kinds the policy names, and whose code may run.
        """
        config = checked("Router.load", config, unknown, ("packages",))
        return cls(load(path, packages=packages), catalogue, config)

    def route(
        self, /, messages: Messages, options: RequestOptions | None = None, **given: Any
    ) -> RoutedAnswer:
        """Answer one request, as `AsyncRouter.route` does."""
        return self._background.run(self._router.route(messages, options, **given))

    def feedback(
        self, request_id: str, quality: float, *, model: str | None = None, source: str = ""
    ) -> None:
        """Report the quality of an answer, as `AsyncRouter.feedback` does.

        Args:
            request_id: `routed.decision.request_id`.
            quality: in [0, 1].
            model: that gave the answer; None for the one that was delivered.
            source: of the judgement, for people.
        Raises:
            RouteError: the quality lies outside [0, 1].
        """
        self._router.feedback(request_id, quality, model=model, source=source)

    def snapshot(self) -> Snapshot:
        """Operations metrics, as `AsyncRouter.snapshot` gives them."""
        return self._background.run(self._router.snapshot())

    def stream(
        self, /, messages: Messages, options: RequestOptions | None = None, **given: Any
    ) -> BlockingAnswer:
        """Answer one request piece by piece, as `AsyncRouter.stream` does.

            with router.stream("Tell me a story") as answer:
                for piece in answer:
                    print(piece.text, end="")

        What it cost and how it came about is in `answer.routed`, once the last piece was read.
        """
        return BlockingAnswer(self._router.stream(messages, options, **given), self._background)

    def close(self) -> None:
        """Close the connections and end the thread, if there is one."""
        if self._background.started:
            self._background.run(self._router.aclose())
            self._background.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class BlockingAnswer:
    """An answer piece by piece; for `with` and then `for`, otherwise as `StreamedAnswer`."""

    def __init__(self, answer: StreamedAnswer, background: BackgroundLoop) -> None:
        self._answer = answer
        self._background = background

    @property
    def routed(self) -> RoutedAnswer:
        """The answer as a whole and how it came about, once its last piece was read."""
        if self._answer.settling:
            return self._background.run(self._answer.settled())
        return self._answer.routed

    def __iter__(self) -> Iterator[Piece]:
        while (piece := self._background.run(self._answer.next())) is not None:
            yield piece

    def __enter__(self) -> Self:
        self._background.run(self._answer.__aenter__())
        return self

    def __exit__(self, *_: object) -> None:
        self._background.run(self._answer.stop())

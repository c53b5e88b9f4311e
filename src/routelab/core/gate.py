"""What an answer must be like before it counts as one."""

from __future__ import annotations

import msgspec


class Gate(msgspec.Struct, frozen=True, tag_field="kind", forbid_unknown_fields=True):
    """A condition on the text of an answer, as data.

    Attributes:
        name: of its verdict, for example in a log that has no texts: a column of that name
            with 1 where the answer passed and 0 where it did not.
    """

    @property
    def name(self) -> str:
        return f"gate:{self.__struct_config__.tag}"

    def problem(self, text: str) -> str | None:
        """Why the answer is refused, as the model is told it; None if it passes.

        Raises:
            TypeError: the kind does not define it.
        """
        raise TypeError(f"{type(self).__name__} does not define problem")

    def effort(self, text: str) -> float:
        """About how many steps it takes at most to judge an answer, some 100 million a second.

        Answers come from anywhere. What may take long is judged in a process of its own, which is
        ended when it takes too long; a gate that says nothing here is quick whatever the answer.
        """
        return 0.0

    def ready(self) -> None:
        """Find out what is missing before the first answer comes.

        Raises:
            MissingExtraError: a package that the gate needs is not installed.
        """

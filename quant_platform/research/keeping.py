"""`Keeper`: runs are done, shown, counted in the ledger, and found there the next time.

What was finished before is taken from the ledger, and counts in this study, too. What is finished
now is stored once a second, so an interruption loses no more than that. What does not belong here:
how a run is done (`configuration_run.py`), and which there are (`sweep.py`, `validation.py`).
"""

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing

from quant_platform.research.progress import Show, shown
from quant_platform.research.study import circumstance, current_study
from quant_platform.research.sweep_plan import Task
from quant_platform.research.trials import Template
from quant_platform.storage.ledger import Ledger, Recorded
from quant_platform.storage.trials import Counted, Outcome, digest_of

STORE_SECONDS = 1.0
"""Seconds after which what is finished is stored."""

Pieces = Callable[[Sequence[Task]], Generator[tuple[Task, Outcome]]]
"""Does tasks, and yields what came of each."""


class Keeper:
    """Counts what is finished, a second's worth at a time.

    Parameters
    ----------
    ledger : where runs are counted; None: nowhere
    template : the strategy
    tasks : all that belong together; their digest names the sweep in the ledger
    seed : what the configurations were drawn from; None: they were not drawn
    """

    def __init__(
        self, ledger: Ledger | None, template: Template, tasks: Sequence[Task], seed: int | None
    ) -> None:
        self._ledger, self._study = ledger, current_study()
        sweep_id = digest_of(" ".join(sorted({each.run.digest for each in tasks})))
        self._how = circumstance("sweep", sweep_id, seed)
        text = template.text if ledger else ""
        digests = {each.run.trial.source_digest for each in tasks} if text else set()
        self._sources = dict.fromkeys(digests, text)
        self._waiting: list[Recorded] = []
        self._stored = time.monotonic()
        self.counted: Counted | None = None

    def finish(
        self,
        tasks: Sequence[Task],
        pieces: Pieces,
        resume: bool,
        progress: bool | Show,
        unit: str,
    ) -> dict[str, Outcome]:
        """Do what is not done yet, and keep it; what is there at the end, by the run's digest.

        Parameters
        ----------
        pieces : does tasks; it is closed, so that whatever ends the loop ends the work as well
        resume : whether runs that were finished before are taken from the ledger
        progress : whether progress is shown, or a function of the numbers done and in all
        unit : what is counted

        Raises
        ------
        KeyboardInterrupt
            It was stopped; what was finished is kept.
        """
        different = {each.run.digest: each for each in tasks}
        outcomes = self._find(list(different)) if resume else {}
        left = [task for name, task in different.items() if name not in outcomes]
        for name in outcomes:
            self._add(different[name], None)
        with shown(progress, unit) as show:
            show(len(outcomes), len(different))
            try:
                with closing(pieces(left)) as done:
                    for task, outcome in done:
                        outcomes[task.run.digest] = outcome
                        self._add(task, outcome)
                        show(len(outcomes), len(different))
            except KeyboardInterrupt:
                self._store()
                where = "done, and nothing is kept"
                if self._ledger is not None:
                    where = "kept; the same call goes on there"
                raise KeyboardInterrupt(
                    f"Stopped: {len(outcomes):,} of {len(different):,} {unit} are {where}"
                ) from None
            finally:
                self._store()
        return outcomes

    def _find(self, digests: Sequence[str]) -> dict[str, Outcome]:
        """Return what is there already, by the run's digest."""
        return {} if self._ledger is None else self._ledger.find(digests)

    def _add(self, task: Task, outcome: Outcome | None) -> None:
        """Take a run; None: it is in the ledger, and looked at again."""
        self._waiting.append((task.run, outcome))
        if time.monotonic() - self._stored >= STORE_SECONDS:
            self._store()

    def _store(self) -> None:
        """Write what waits."""
        if self._ledger is not None and self._waiting:
            self.counted = self._ledger.record(self._study, self._waiting, self._how, self._sources)
        self._waiting = []
        self._stored = time.monotonic()

"""Makes the session of docs/operations.md: breaks the clinic, and repairs it with the real command.

`python -m tests.docs.session` writes it anew, on an embedded cloud of its own. Ids and times are the same each time.
"""

import json
import re
import shlex
import subprocess
import sys
import tempfile
import textwrap
from dataclasses import dataclass, field
from pathlib import Path

from tests.docs.clinic import PROJECT, STACK, Clinic, deployed_clinic
from tests.e2e.command import TSUNAGU

PAGE = PROJECT / "docs" / "operations.md"
BEGIN = "<!-- The session is made by running it: python -m tests.docs.session -->"
END = "<!-- End of the session -->"
PROMPT = "$ "
WIDTH, SHORT_ID = 118, 8

_ID = re.compile(r"[0-9a-f]{8}-5c3a-4d4e-8f10-2b6c9e1a7d40|(?<= )0000[0-9a-f]{4}(?= )")
_PASSING = re.compile(r"alarm|^redrives: |^waits until")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass
class Session:
    """Runs commands, and keeps what a reader is shown of them.

    Attributes:
        clinic: The stack that is operated.
        lines: The section.
        commands: Number of commands of the operator.
    """

    clinic: Clinic
    lines: list[str] = field(default_factory=list)
    commands: int = 0
    _ids: dict[str, str] = field(default_factory=dict)

    def text(self) -> str:
        """Return the section."""
        return "\n".join(self.lines).rstrip()

    def say(self, text: str) -> None:
        """Add a paragraph."""
        self.lines += [*textwrap.wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False), ""]

    def run(self, *arguments: str, code: int = 0) -> str:
        """Run the command, which must end with this exit code; show it and its output. Return the output."""
        self.commands += 1
        ended = subprocess.run(
            [TSUNAGU, *arguments],
            cwd=self.clinic.folder,
            env=environment(self.clinic),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        assert ended.returncode == code, ended.stdout
        shown = self.normalised(f"{PROMPT}{shlex.join(['tsunagu', *arguments])}\n{ended.stdout.rstrip()}")
        self.lines += ["```", *(line.rstrip() for line in shown.splitlines()), "```", ""]
        return ended.stdout

    def edit_the_letter(self) -> None:
        """Send the letter of the lab back with another number."""
        corrected = {"sample": "s-77", "patient": "p-1042", "hemoglobin": 140}
        (self.clinic.folder / "corrected.json").write_text(json.dumps(corrected))
        (letter,) = self.clinic.letter_ids("ResultsChannelDeadLetterQueue")
        self.run("dlq", "edit", letter[:SHORT_ID], "Results", "--file", "corrected.json", "--stack", STACK, "--yes")

    def know(self, found: str) -> None:
        """Give an id the next number. Of those that commands show the beginning of, the whole must be known before."""
        self._ids.setdefault(found, f"{len(self._ids) + 1:08x}-5c3a-4d4e-8f10-2b6c9e1a7d40")

    def normalised(self, text: str) -> str:
        """Return a text without what differs from run to run."""
        for found in _UUID.findall(text):
            self.know(found)
        for found, shown in self._ids.items():
            text = text.replace(found, shown)
            if found[14] == "4":  # such an id is random from its first character on, so its beginning names it, too
                text = text.replace(found[:SHORT_ID], shown[:SHORT_ID])
        for pattern, replacement in _SAME_EACH_TIME:
            text = pattern.sub(replacement, text)
        return text


def environment(clinic: Clinic) -> dict[str, str]:
    """Return the variables of a command."""
    return {"PATH": "/usr/bin:/bin", "HOME": str(clinic.folder), **clinic.cloud.environment()}


# What differs from run to run, and what is shown in its place.
_SAME_EACH_TIME: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\d{8}T\d{6}\.\d+Z"), "20260302T091400.000000Z"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), "2026-03-02T09:14:00Z"),
    (re.compile(r"(?<=tsunagu-operator/)\d{4}-\d\d-\d\d"), "2026-03-02"),
    # Names of resources end with the hash of their path, and with a suffix that CloudFormation makes.
    (re.compile(r"(?<=[A-Za-z])(?:[0-9A-F]{8}-[0-9A-F]{8,16}|-[0-9A-F]{12,14})\b"), "-1A2B3C4D5E6F"),
    # Ages and counts of tries depend on the machine.
    (re.compile(r"\b\d+ (s|min)(?=\s)"), "1 min"),
    (re.compile(r"\(claim \d+"), "(claim 1"),
    (re.compile(r"\b(run) \d+ (?=of|for)"), r"\1 1 "),
)


def play(clinic: Clinic) -> Session:
    """Break the clinic, find out why, repair it, and return the session."""
    session = Session(clinic)
    clinic.break_all()
    session.say(
        "The stack `Clinic` of [examples/clinic](../examples/clinic/README.md) has a receiver, a pipeline and a job. "
        "Four things are wrong. **Which?**"
    )
    for letter in clinic.letter_ids("ResultsChannelDeadLetterQueue"):
        session.know(letter)
    session.run("status", STACK, code=1)
    session.say("Two messages are dead, and a lease is held by nobody. **Why did the messages die?**")
    session.run("dlq", "list", "Results", "--stack", STACK)
    session.say(
        "The lab meant 140. `corrected.json` has the message with this number. **Send it back, corrected.** "
        "`--yes` is there because this page is made without a terminal."
    )
    session.edit_the_letter()
    session.say("The other letter is an admission. Its patient asks where it is: **what became of the request?**")
    session.run("why", clinic.admissions["no tariff"], "--stack", STACK)
    clinic.repair_the_tariff()
    session.say("The tariff of the insurer is missing. Somebody adds it to the table. **Send the letter back.**")
    session.run("dlq", "redrive", "Admission/Insurance", "--stack", STACK, "--yes")
    session.say("Another patient waits too, and no message of that admission is dead. **What is it waiting for?**")
    session.run("why", clinic.admissions["no permission"], "--stack", STACK)
    clinic.repair_the_permission()
    session.say(
        "The ward may not write to the table. The grant is deployed again, and the messages come back by themselves: "
        "nothing is to be redriven. **Now the job.** Its execution was stopped, and its lease was not released."
    )
    session.run("lease", "release", "reminders", "--stack", STACK, "--yes")
    session.run("run", "reminders", "--stack", STACK, "--yes")
    clinic.wait_until_all_is_done()
    session.say("**Is all well?**")
    session.run("status", STACK)
    session.say(f"Four faults were found, explained and repaired with {session.commands} commands.")
    return session


def page_with(text: str, section: str) -> str:
    """Return a page with the section between its marks."""
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n{section}\n{END}{rest.split(END)[1]}"


def section_of(page: str) -> str:
    """Return the section between the marks of a page."""
    return page.partition(BEGIN)[2].partition(END)[0].strip()


def comparable(section: str) -> str:
    """Return what a section says, without what the speed of the machine decides.

    That are numbers, ids, widths of columns, the order of what happens side by side, progress, and alarms, which are
    raised and end with the minutes.
    """
    lines = (" ".join(line.split()) for line in _ID.sub("ID", re.sub("─+", "─", section)).splitlines())
    said = (re.sub(r"(?<![A-Za-z0-9-])(?:\d+( min| s)?|-)(?![A-Za-z0-9-])", "N", line) for line in lines)
    return "\n".join(sorted(line for line in said if line and not _PASSING.search(line)))


def main() -> None:
    """Write the section."""
    with tempfile.TemporaryDirectory() as folder, deployed_clinic(Path(folder)) as clinic:
        session = play(clinic)
    section = session.text()
    if "--print" in sys.argv:
        sys.stdout.write(section)
        return
    PAGE.write_text(page_with(PAGE.read_text(encoding="utf-8"), section), encoding="utf-8")


if __name__ == "__main__":
    main()

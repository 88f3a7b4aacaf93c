"""Reading of Dockerfiles."""

from hypothesis import given
from hypothesis import strategies as st

from tsunagu.dockerfiles import Dockerfile, assignments, fill, read_instructions

TEXT = """\
# syntax=docker/dockerfile:1
ARG PYTHON=3.13
ARG REPOSITORY
FROM ${REPOSITORY}:${PYTHON} AS one
FROM scratch AS two
FROM --platform=$BUILDPLATFORM one AS Build
RUN a && \\
    # a comment
    b \\
  --c

COPY --from=Two --chmod=755 a "b c" ./
copy ["d e", "f/"]
RUN <<END cat
CMD ["not.an.instruction"]
END
FROM build
CMD [ "app.handler" ]
"""


def test_instructions_have_their_line_and_joined_text() -> None:
    found = [(each.line, each.word, " ".join(each.rest.split())) for each in read_instructions(TEXT)]

    assert found[:4] == [
        (2, "ARG", "PYTHON=3.13"),
        (3, "ARG", "REPOSITORY"),
        (4, "FROM", "${REPOSITORY}:${PYTHON} AS one"),
        (5, "FROM", "scratch AS two"),
    ]
    assert found[5:] == [
        (7, "RUN", "a && b --c"),
        (12, "COPY", '--from=Two --chmod=755 a "b c" ./'),
        (13, "COPY", '["d e", "f/"]'),
        (14, "RUN", '<<END cat CMD ["not.an.instruction"]'),
        (17, "FROM", "build"),
        (18, "CMD", '[ "app.handler" ]'),
    ]


def test_options_arguments_and_strings_are_told_apart() -> None:
    copy, json_copy = (each for each in read_instructions(TEXT) if each.word == "COPY")

    assert copy.options == {"from": "Two", "chmod": "755"}
    assert copy.arguments == ["a", "b c", "./"]
    assert copy.strings() is None
    assert json_copy.arguments == ["d e", "f/"]


def test_stages_start_from_images_and_from_each_other() -> None:
    read = Dockerfile.parse(TEXT, {"REPOSITORY": "python", "OTHER": "x"})

    one, two, build, last = read.stages
    assert (one.base, two.base, build.base, last.base) == ("python:3.13", "scratch", "one", "build")
    assert read.line(last) == [one, build, last]
    assert read.needed(last) == [one, two, build, last]
    assert read.needed(build) == [one, two, build]
    assert read.needed(two) == [two]


def test_build_argument_replaces_a_default_and_no_name_reaches_forward() -> None:
    read = Dockerfile.parse(
        "ARG P=1\nFROM a:$P\nFROM a:${Q:-2}\nFROM 3\nFROM last\nFROM 0 AS last", {"P": "7", "Q": "8"}
    )

    assert [stage.base for stage in read.stages] == ["a:7", "a:2", "3", "last", "0"]
    assert [read.earlier(stage.base, stage) for stage in read.stages] == [None, None, None, None, read.stages[0]]


def test_variables_are_set_in_both_forms() -> None:
    found = [assignments(each) for each in read_instructions('ENV A=1 B="2 3"\nENV C 4 5\nARG D\nARG E=')]

    assert found == [{"A": "1", "B": "2 3"}, {"C": "4 5"}, {}, {"E": ""}]


def test_variable_without_a_value_stays_or_is_replaced() -> None:
    assert fill("$A ${B} ${C:-c} $D", {"A": "1"}) == "1 ${B} c $D"
    assert fill("$A ${B} ${C:-c} $D", {"A": "1"}, unset="") == "1  c "


@given(st.text(alphabet='ABFROMCPYUNDrom \\\n#<>"[]=$-/.', max_size=200))
def test_any_text_is_read_to_its_end(text: str) -> None:
    for stage in Dockerfile.parse(text, {}).stages:
        for each in (stage.start, *stage.instructions):
            assert 1 <= each.line <= len(text.splitlines())
            assert isinstance(each.options, dict)
            assert isinstance(each.arguments, list)

from tsunagu.cli.deployed_lines import output_lines, platform_warnings, stage_lines
from tsunagu.local.function_platforms import FunctionPlatform

MACHINE = FunctionPlatform("3.11", "x86_64")
HERE = "http://127.0.0.1:4566"


def test_app_is_told_its_context_and_what_it_must_do_with_it() -> None:
    [line] = stage_lines("embedded", MACHINE)

    assert "stage=embedded" in line
    assert "Python 3.11 on x86_64" in line
    assert "CDK_DEFAULT_ACCOUNT" in line


def test_each_foreign_platform_has_one_warning_with_its_functions() -> None:
    foreign = {
        FunctionPlatform("3.13", "arm64"): [f"Shop/F{number}" for number in range(7)],
        FunctionPlatform("", "arm64"): ["Shop/Image"],
    }

    assert [*platform_warnings(foreign, MACHINE)] == [
        (
            "warning: functions must be for Python 3.11 on x86_64 on the embedded cloud, got arm64: Shop/Image. "
            "Their packages with compiled code fail here"
        ),
        (
            "warning: functions must be for Python 3.11 on x86_64 on the embedded cloud, got Python 3.13 on arm64: "
            "Shop/F0, Shop/F1, Shop/F2, Shop/F3, Shop/F4 and 2 more. Their packages with compiled code fail here"
        ),
    ]


def test_app_for_this_machine_has_no_warning() -> None:
    assert [*platform_warnings({}, MACHINE)] == []


def test_outputs_are_printed_with_the_address_of_an_api_here() -> None:
    outputs = {
        "shop": {
            "Url": "https://a1b2.execute-api.us-east-1.amazonaws.com/v1/",
            "HttpUrl": "https://c3d4.execute-api.us-east-1.amazonaws.com/",
        },
        "mail": {"QueueUrl": f"{HERE}/000000000000/mail"},
        "empty": {},
    }

    assert [*output_lines(outputs, HERE)] == [
        "Outputs:",
        f"mail.QueueUrl = {HERE}/000000000000/mail",
        f"shop.Url = https://a1b2.execute-api.us-east-1.amazonaws.com/v1/ (here: {HERE}/_aws/execute-api/a1b2/v1/)",
        (
            "shop.HttpUrl = https://c3d4.execute-api.us-east-1.amazonaws.com/ "
            f"(here: {HERE}/_aws/execute-api/c3d4/$default)"
        ),
    ]


def test_app_without_outputs_has_no_heading() -> None:
    assert [*output_lines({"shop": {}}, HERE)] == []

"""Options of Celery's worker: checked before anything is started."""

from __future__ import annotations

import pytest

from omega_celery.app import make_app
from omega_celery.options import check_options
from omega_domain.errors import UnsupportedOptionError

APP = make_app("memory://", {})


@pytest.mark.parametrize(
    "options", [(), ("-E",), ("--max-tasks-per-child", "100"), ("--time-limit=60", "-O", "fair"), ("--autoscale=4,1",)]
)
def test_options_of_celery_are_taken(options: tuple[str, ...]) -> None:
    check_options(APP, options)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--nonsense",), "does not take this: No such option"),
        (("--max-tasks-per-child", "many"), "not a valid integer"),
        (("-n", "me"), "--hostname can not be left to Celery: use --name"),
        (("--queues", "a"), "use --label"),
        (("-X", "a"), "use --label"),
        (("-c", "3"), "use --concurrency"),
        (("-P", "solo"), "use --pool"),
        (("-l", "INFO"), "use --log-level"),
        (("--logfile", "x"), "redirect it"),
        (("--detach",), "systemd"),
        (("--purge",), "om runtime cancel"),
        (("worker.pool=solo",), "'worker.pool=solo' is no option"),
    ],
)
def test_other_options_are_refused_and_say_what_to_do_instead(options: tuple[str, ...], why: str) -> None:
    with pytest.raises(UnsupportedOptionError, match=why):
        check_options(APP, options)


def test_help_is_printed_and_ends_the_process(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        check_options(APP, ["--help"])
    assert caught.value.code == 0
    assert "--max-tasks-per-child" in capsys.readouterr().out

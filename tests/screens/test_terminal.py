"""The terminal of the other tests shows what a real one would."""

import signal
import sys

from tests.terminal import INTERRUPT, Terminal

PYTHON = (sys.executable, "-c")


def test_the_window_and_what_has_left_it() -> None:
    with Terminal([*PYTHON, "for n in range(9): print('line', n)"], columns=20, lines=4) as window:
        assert window.end() == 0
    assert window.screen == "line 6\nline 7\nline 8\n"
    assert window.text == "".join(f"line {n}\n" for n in range(9))


def test_a_line_that_is_written_over_is_seen_once() -> None:
    with Terminal([*PYTHON, r"print('half\rfull\x1b[K\x1b[31;1m red')"]) as window:
        window.end()
        assert window.text == "full red\n"
        assert window.style("red") == {"red", "bold"} and window.style("full") == set()


def test_keys_an_answer_and_the_exit_code() -> None:
    asks = "import sys; sys.exit(int(input('how many? ')))"
    with Terminal([*PYTHON, asks]) as window:
        window.wait_for("how many?")
        window.type("3\n")
        assert window.end() == 3


def test_ctrl_c_and_the_size_of_the_window() -> None:
    code = "import os, signal; signal.signal(2, signal.SIG_DFL); " \
           "print(os.get_terminal_size().columns, flush=True); signal.pause()"
    with Terminal([*PYTHON, code], columns=61) as window:
        window.wait_for("61")
        window.type(INTERRUPT)
        assert window.end() == -signal.SIGINT

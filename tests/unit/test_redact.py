"""Secrets are taken out of text; everything else stays."""

import time

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import tracker_nb
from tracker_nb.sdk.redact import MARK, redact, redact_arguments, secrets_of

# Put together here, so that no scanner takes this file for a leak.
SECRETS = [
    "AKIA" + "IOSFODNN7EXAMPLE",
    "ghp_" + "a1B2" * 9,
    "github_pat_" + "A" * 30,
    "glpat-" + "x" * 20,
    "hf_" + "Ab1" * 11,
    "sk-" + "proj-" + "Z9" * 20,
    "sk-ant-" + "api03-" + "q" * 40,
    "xoxb-" + "1234567890-abcdef",
    "AIza" + "S" * 35,
    "0123456789" * 3 + "abcdef0123",
    "eyJ" + "hbGciOiJIUzI1NiJ9" + "." + "eyJzdWIiOiIxIn0" + "." + "c2lnbmF0dXJl",
]


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("around", ["{}", "key = '{}'", "login({})", "# {} is mine", '{{"k": "{}"}}'])
def test_what_looks_like_a_key_goes(secret, around):
    assert secret not in redact(around.format(secret), {})
    assert MARK in redact(around.format(secret), {})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('password = "hunter2"', f'password = "{MARK}"'),
        ("os.environ['WANDB_API_KEY'] = 'abc'", f"os.environ['WANDB_API_KEY'] = '{MARK}'"),
        ('{"api_key": "abc", "lr": 0.1}', f'{{"api_key": "{MARK}", "lr": 0.1}}'),
        ("connect(user='ada', passwd=b'abc')", f"connect(user='ada', passwd=b'{MARK}')"),
        ("postgres://ada:hunter2@host/db", f"postgres://ada:{MARK}@host/db"),
        ("!curl -H 'Authorization: Bearer abcdefghijklmnop'", f"!curl -H 'Authorization: Bearer {MARK}'"),
        ("!tool --token=abcdef --lr 3", f"!tool --token={MARK} --lr 3"),
    ],
)
def test_what_is_said_to_be_a_secret_goes_and_what_stands_around_it_stays(text, expected):
    assert redact(text, {}) == expected


@pytest.mark.parametrize(
    "text",
    [
        "tokens = tokenizer('a b c')", "token_count == 'three'", "x = 'password'", "key = 'loss'", "model.fit(X, y)",
        "tracker_nb.log({'loss': 0.5})", "https://example.org/a:b", "sha256 = " + "'" + "ab" * 32 + "'", "sk-learn",
        "secrets.token_hex(8)",
    ],
)  # fmt: skip
def test_ordinary_code_stays_as_it_is(text):
    assert redact(text, {"PASSWORD": "true", "HOME": text}) == text


def test_values_of_variables_named_like_secrets_go_the_longest_first():
    environment = {
        "MY_TOKEN": "abcdefgh",
        "DB_PASSWORD": "abcdefgh-more",
        "HOME": "home-sweet-home",
        "API_KEY": "short",
    }

    assert redact("f('abcdefgh-more', 'abcdefgh', 'home-sweet-home', 'short')", environment) == (
        f"f('{MARK}', '{MARK}', 'home-sweet-home', 'short')"
    )
    assert secrets_of(environment) == ["abcdefgh-more", "abcdefgh"]


@given(st.text(), st.sampled_from(SECRETS), st.text())
def test_a_secret_among_blanks_goes_whatever_stands_around_it(before, secret, after):
    assert secret not in redact(f"{before} {secret} {after}", {})


@given(st.text(min_size=6).filter(str.strip).filter(lambda v: len(v.strip()) >= 6), st.text(), st.text())
def test_the_value_of_a_secret_variable_never_stays(value, before, after):
    value = value.strip()
    assume(value not in MARK and "\n" not in value[:2] and "\0" not in value)
    text = redact(before + value + after, {"X_SECRET": value})
    assert value not in text.replace(MARK, "\0")


@given(st.text(alphabet="abc=:'\"-_. \n/@[]0123456789eyJ"))
def test_redacting_twice_changes_nothing_more(text):
    once = redact(text, {})
    assert redact(once, {}) == once


@pytest.mark.parametrize(
    "piece", ["a", "eyJ", "-----BEGIN PRIVATE KEY-----", "password='", "http://a:", "ghp_", "--token "]
)
def test_a_megabyte_takes_no_longer_than_a_blink(piece):
    text = piece * (1_000_000 // len(piece))
    begin = time.perf_counter()
    redact(text, {"A_TOKEN": "nowhere-in-it"})
    assert time.perf_counter() - begin < 3


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (["--lr", "0.1", "--token", "abc"], ["--lr", "0.1", "--token", MARK]),
        (["--wandb-api-key=abc", "-v"], [f"--wandb-api-key={MARK}", "-v"]),
        (["--password", "--lr=1"], ["--password", "--lr=1"]),
        (["--tokenizer", "bpe", "--sort-key", "age"], ["--tokenizer", "bpe", "--sort-key", "age"]),
        (["url=postgres://me:hidden@db/x"], [f"url=postgres://me:{MARK}@db/x"]),
        (["mine-alone"], [MARK]),
    ],
)
def test_secrets_on_a_command_line_go_and_the_rest_stays(given, kept):
    assert redact_arguments(given, {"MY_TOKEN": "mine-alone"}) == kept


def test_a_run_records_how_its_program_was_called_without_the_secrets(store, monkeypatch):
    monkeypatch.setattr("sys.argv", ["train.py", "--lr", "0.1", "--api-key", "abc-def-ghi"])
    with tracker_nb.init(project="p"):
        pass
    assert tracker_nb.Api().runs("p")[0].metadata["argv"] == ["--lr", "0.1", "--api-key", MARK]

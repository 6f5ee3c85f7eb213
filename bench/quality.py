#!/usr/bin/env python3
"""Scores every way through the engines of this machine on FLORES-200 dev, beside the
stored outputs of other systems, and writes docs/quality.md.

    bench/quality.py BINARY [EVAL_FOLDER]

The folder has en-es/flores-dev.en and the like, with flores-dev.SYSTEM.es beside them.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import sacrebleu

ROOT = pathlib.Path(__file__).resolve().parent.parent
ORDERS = {"neural": ["neural"], "apertium": ["apertium"], "neural, apertium": ["neural", "apertium"]}
INTRODUCTION = """# Quality

BLEU and chrF by sacrebleu ({version}) on FLORES-200 dev, {lines} lines each. The first rows of a
table are ways through Metaphrast, with the engines that take part; the others are outputs of
other systems for the same lines, from Mozilla's translation evaluations. Repeat it with
`make quality`; it needs those outputs beside the project, in `../shared/eval`.

FLORES is news-like text. The models inside the binary are small and good at everyday and
user-interface sentences; for other text install models ([engines.md](engines.md#models)).
"""


def main():
    binary = pathlib.Path(sys.argv[1]).resolve()
    folder = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else ROOT.parent / "shared" / "eval")
    if not folder.is_dir():
        sys.exit(f"{folder} is not there: name the folder of the evaluation outputs")
    pairs = sorted(path.name for path in folder.iterdir() if path.is_dir())
    sections = [section(binary, folder / pair, *pair.split("-")) for pair in pairs]
    lines = len((folder / pairs[0] / "flores-dev.en").read_text().splitlines())
    text = INTRODUCTION.format(version=sacrebleu.__version__, lines=lines)
    text += "".join(sections) + detection(folder)
    (ROOT / "docs" / "quality.md").write_text(text)
    print(text)


def section(binary, folder, source, target):
    sources = (folder / f"flores-dev.{source}").read_text()
    reference = (folder / f"flores-dev.{target}").read_text().splitlines()
    rows = []
    seen = set()
    for name, order in ORDERS.items():
        legs = route(binary, order, source, target)
        if legs is None or legs in seen:
            continue
        seen.add(legs)
        translated = translate(binary, order, source, target, sources).splitlines()
        if len(translated) != len(reference):
            sys.exit(f"{source}-{target} by {name}: {len(translated)} lines for {len(reference)}")
        rows.append((f"**{legs}**", *scores(translated, reference)))
    for path in sorted(folder.glob(f"flores-dev.*.{target}")):
        system = path.name.split(".")[1]
        rows.append((system, *scores(path.read_text().splitlines(), reference)))
    table = [f"| {name} | {bleu:.1f} | {chrf:.1f} |" for name, bleu, chrf in rows]
    head = [f"\n## {source} to {target}\n", "| system | BLEU | chrF |", "| --- | --- | --- |"]
    return "\n".join(head + table) + "\n"


def scores(translated, reference):
    bleu = sacrebleu.corpus_bleu(translated, [reference]).score
    return bleu, sacrebleu.corpus_chrf(translated, [reference]).score


def configured(order):
    file = tempfile.NamedTemporaryFile("w", suffix=".toml")
    file.write(f"[engines]\norder = {json.dumps(order)}\n")
    file.flush()
    return file


def route(binary, order, source, target):
    with configured(order) as config:
        arguments = [binary, "engines", "--json", "--config", config.name]
        shown = json.loads(subprocess.run(arguments, check=True, capture_output=True).stdout)
    for way in shown["routes"]:
        if (way["source"], way["target"]) == (source, target):
            legs = [f"{leg['engine']} {leg['source']}-{leg['target']}" for leg in way["legs"]]
            return ", ".join(legs)
    return None


def translate(binary, order, source, target, text):
    with configured(order) as config:
        arguments = [binary, "translate", "--from", source, "--to", target, "--config", config.name]
        return subprocess.run(
            arguments, check=True, input=text, capture_output=True, text=True
        ).stdout


def detection(folder):
    files = {"en": "en-es", "es": "es-en", "fr": "fr-en", "de": "en-de"}
    named = [f"{code}={folder / pair / f'flores-dev.{code}'}" for code, pair in files.items()]
    command = ["cargo", "run", "--quiet", "--release", "--package", "metaphrast-engine"]
    command += ["--example", "detection", "--", *named]
    out = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    cells = {}
    for line in out.splitlines():
        code, piece, among, right, all_lines = line.split("\t")
        cells[code, piece, among] = f"{100 * int(right) / int(all_lines):.1f} %"
    head = "\n## Detection\n\nHow often the language of a sentence is told right, and of its first five words.\n\n"
    head += "| language | sentence, among 75 | among these 4 | 5 words, among 75 | among these 4 |\n"
    head += "| --- | --- | --- | --- | --- |\n"
    columns = [(piece, among) for piece in ("sentence", "5 words") for among in ("75", "given")]
    rows = [
        f"| {code} | " + " | ".join(cells[(code, *column)] for column in columns) + " |"
        for code in files
    ]
    return head + "\n".join(rows) + "\n"


main()

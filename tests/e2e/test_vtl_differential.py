"""Examples of AWS's documentation by three implementations of its template language: this server's (`vtl_cases.rs` of `lambda-model`
holds it against what the documentation says), npm's velocityjs and PyPI's airspeed. Where one of the others gives something else than the
documentation, that is listed here with its reason."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

import toolbox
import velocity

HERE = Path(__file__).parent
CASES = json.loads((HERE / "vtl_cases.json").read_text())
VELOCITYJS = "2.1.7"

#: A part of each template that is rendered otherwise, and why.
DEVIATIONS = {
    "velocityjs": {
        "$context.identity.cognitoIdentityId]": "it prints a reference to nothing as it is written; API Gateway prints nothing",
        "#set($context.responseOverride.status = 400)": "the same",
        '.replaceAll("\\\\\'"': "it replaces a text, and not a pattern",
        "$id.contains('bc')": "texts of JavaScript have no such method",
        "#set($half = $count / 4)": "numbers of JavaScript are not whole",
        "#break#end$n": "it prints what follows a #break once more",
    },
    "airspeed": {
        '"ispublic": $elem.ispublic': "it prints True as Python does",
        "$input.path('$.things').size()": "its maps have no size",
        "$context.identity.cognitoIdentityId]": "it prints a reference to nothing as it is written; API Gateway prints nothing",
        "#set($context.responseOverride.status = 400)": "the same",
        "stageVariables['url']": "its maps have no brackets",
        '.replaceAll("\\\\\'"': "it replaces a text, and not a pattern",
        "$elem.partition-key": "names have no hyphens there",
        '"upperMeta" : "STUFF"': "a map is written in one line there",
        "$myMap.entrySet()": "it has no entrySet",
        "$id.toUpperCase()": "its texts have no such methods",
        "#break": "it has no #break",
    },
}


def same(text):
    """A text without the space that makes no difference."""
    try:
        return json.loads(text)
    except ValueError:
        return " ".join(text.split())


def velocityjs():
    """The texts of npm's velocityjs, which is fetched once."""
    folder = toolbox.npm_folder(f"velocityjs-{VELOCITYJS}", f"velocityjs@{VELOCITYJS}")
    script = shutil.copy(HERE / "velocity.js", folder)
    done = subprocess.run(["node", script], input=json.dumps(CASES), capture_output=True, text=True, check=True, timeout=120)
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", DEVIATIONS)
def test_others_render_the_same_but_for_what_is_listed(name):
    if name == "velocityjs" and not (shutil.which("npm") and shutil.which("node")):
        pytest.skip("skipped: neither npm nor node is there")
    texts = velocityjs() if name == "velocityjs" else [velocity.rendered(case) for case in CASES]
    otherwise = [case["template"] for case, text in zip(CASES, texts, strict=True) if same(text) != same(case["expected"])]
    listed = DEVIATIONS[name]
    unlisted = [template for template in otherwise if not any(part in template for part in listed)]
    assert not unlisted, unlisted
    gone = [part for part in listed if not any(part in template for template in otherwise)]
    assert not gone, gone
    assert len(otherwise) < len(CASES) / 5

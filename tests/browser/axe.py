"""What axe-core, the tool of browsers' own accessibility audits, finds wrong with nodes of a page.

`violations(page, ".tnb-root")` looks at these nodes and what is in them, and at nothing of Jupyter's.
"""

from tests.support import ROOT

PROGRAM = ROOT / "labextension" / "node_modules" / "axe-core" / "axe.min.js"
"""Installed with what builds the front end."""
LOOK = """async ([selector, off]) => {
  const include = [...document.querySelectorAll(selector)].filter(node => node.checkVisibility())
  if (!include.length) throw new Error(`Nothing of ${selector} is shown.`)
  const rules = Object.fromEntries(off.map(rule => [rule, { enabled: false }]))
  const found = await axe.run({ include }, { rules, resultTypes: ['violations'], elementRef: false })
  return found.violations.map(({ id, impact, help, nodes }) => ({
    id, impact, help,
    nodes: nodes.map(node => `${node.target.join(' ')}: ${node.html.slice(0, 200)} (${node.failureSummary})`)
  }))
}"""
NOT_OURS = (
    # A view stands in somebody's notebook, and a notebook may hold many: what is told of a whole page is the page's.
    "region",
    "landmark-unique",
    "landmark-complementary-is-top-level",
    "landmark-no-duplicate-banner",
    "page-has-heading-one",
)


def violations(page, selector, *, off=NOT_OURS):
    """What is wrong with the nodes of a selector that are shown, as text for people; "" where nothing is.

    Minor impacts are left out.

    Args:
        off: rules that are not asked.
    """
    if not page.evaluate("() => 'axe' in window"):
        # Its module loader must not see RequireJS, which JupyterLab may have.
        page.evaluate(f"() => {{ const define = undefined, module = undefined; {PROGRAM.read_text('utf-8')} }}")
    found = page.evaluate(LOOK, [selector, list(off)])
    return "\n".join(
        f"{one['impact']}: {one['help']} [{one['id']}]\n    " + "\n    ".join(one["nodes"])
        for one in found
        if one["impact"] != "minor"
    )

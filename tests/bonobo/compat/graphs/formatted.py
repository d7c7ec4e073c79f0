"""Format replaces fields and adds new ones; what it does not name stays."""

import bonobo
from bonobo.config import use_context, use_raw_input


@use_context
@use_raw_input
def show(context, row):
    print(context.get_input_fields(), *row)


def get_graph():
    return bonobo.Graph(
        [("Ada", 36, 1.5), ("Grace", 85, 2.25)],
        bonobo.SetFields(["name", "age", "score"]),
        bonobo.Format(name="<{name}>", label="{name} is {age}", score="{score:.1f}"),
        show,
    )


if __name__ == "__main__":
    bonobo.run(get_graph())

"""`emo models`: the networks that can be trained."""

from typing import Annotated

import typer

from pipeline.commands.console import (
    JsonOption,
    echo,
    enter_project,
    one_line_errors,
    print_json,
    print_table,
)


def models(
    recipes: Annotated[
        list[str] | None, typer.Argument(help="Names of recipes. Default: all.", show_default=False)
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show the networks that can be trained, layer by layer.

    Lists for each recipe, with its settings in params.yaml, the layers, their output shapes, parameters and
    multiply-adds, and the publication that the recipe follows.

    \b
    emo models
    emo models lenet vgg
    """
    from pipeline.learning.recipes_overview import describe

    with one_line_errors():
        enter_project()
        found = list(describe(recipes or ()))
    if as_json:
        print_json([one.as_json() for one in found])
        return
    for one in found:
        print_table(*one.table())
        echo(f"after {one.recipe.SOURCE}\n")

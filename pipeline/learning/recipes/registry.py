"""All recipes, by name.

A new recipe is one module beside this one, one line here and one section of params.yaml.
"""

from pipeline.learning.recipes.bncnn import Bncnn
from pipeline.learning.recipes.lenet import Lenet
from pipeline.learning.recipes.mobilenet import Mobilenet
from pipeline.learning.recipes.recipe import Recipe
from pipeline.learning.recipes.resnet import Resnet
from pipeline.learning.recipes.transfer import Transfer
from pipeline.learning.recipes.vgg import Vgg

RECIPES: dict[str, type[Recipe]] = {
    recipe.NAME: recipe for recipe in (Lenet, Bncnn, Vgg, Resnet, Mobilenet, Transfer)
}

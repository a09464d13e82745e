from controlplane.api.collection import Collection
from controlplane.api.queries import ModelQuery
from controlplane.fleet.kinds import MODEL
from homeport.schema.edited import EditedModel
from homeport.schema.resources import Model

MODELS = Collection(MODEL, "models", "/models", "/models/{model}", ModelQuery, Model, EditedModel)

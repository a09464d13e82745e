from homeport.schema.base import ApiModel, Id, immutable, live
from homeport.schema.labels import Labels


class ProjectSpec(ApiModel):
    """Who deployments and models belong to. Nodepools may be dedicated to a project."""

    id: Id = immutable(reason="models, deployments and nodepools name the project by its id")
    description: str = live(default="", max_length=1000)
    labels: Labels = live(default_factory=dict)

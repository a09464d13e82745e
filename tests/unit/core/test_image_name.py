import pytest

from homeport.core.image_name import full_image_name


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("nginx", "nginx:latest"),
        ("docker.io/library/nginx:1.27", "nginx:1.27"),
        ("docker.io/vllm/vllm-openai", "vllm/vllm-openai:latest"),
        ("registry.internal:5000/models/llama", "registry.internal:5000/models/llama:latest"),
        ("registry.internal:5000/models/llama:v2", "registry.internal:5000/models/llama:v2"),
        ("llama@sha256:abc", "llama@sha256:abc"),
    ],
)
def test_one_image_has_one_spelling(name: str, full: str) -> None:
    assert full_image_name(name) == full

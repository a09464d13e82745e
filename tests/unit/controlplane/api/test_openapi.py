import re

from openapi_spec_validator import validate

from homeport.core.errors import ErrorCode
from homeport.http_status import HTTP_STATUS
from tests.fakes.control_api import ControlApi


async def test_the_document_is_valid_openapi_3_1(api: ControlApi) -> None:
    assert api.document["openapi"] == "3.1.0"
    assert api.document["info"]["version"] == "1.2.3"
    validate(api.document)


async def test_every_operation_has_an_id_of_its_own(api: ControlApi) -> None:
    ids = [op["operationId"] for path in api.document["paths"].values() for op in path.values()]
    assert len(ids) == len(set(ids)) > 30


async def test_fields_keep_their_tags_and_ranges(api: ControlApi) -> None:
    schemas = api.document["components"]["schemas"]
    replicas = schemas["AutoscaleConfig"]["properties"]["max_replicas"]
    assert (replicas["x-change"], replicas["minimum"], replicas["maximum"]) == ("live", 0, 10_000)
    assert schemas["ModelVersionSpec"]["properties"]["command"]["x-change"] == "immutable"
    assert schemas["DeploymentSpec"]["additionalProperties"] is False


async def test_every_error_code_has_a_status() -> None:
    assert set(HTTP_STATUS) == set(ErrorCode)


async def test_the_docs_page_loads_local_files_only(api: ControlApi) -> None:
    page = await api.call("GET", "/docs", headers={"Authorization": None})
    assert page.status == 200
    files = re.findall(r'(?:src|href)="([^"]+)"', page.body)
    assert "docs/swagger-ui-bundle.js" in files
    for file in files:
        assert "//" not in file
        answered = await api.call("GET", f"/{file}", headers={"Authorization": None}, allow_redirects=False)
        assert answered.status == 200, file
        assert answered.body
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "http" not in policy
    start = (await api.call("GET", "/docs/start.js", headers={"Authorization": None})).body
    assert 'url: "openapi.json"' in start


async def test_the_docs_page_is_told_a_version_that_it_draws(api: ControlApi) -> None:
    """Swagger UI 4 refuses 3.1 by its number alone; the page replaces it, and must find it where it looks."""
    async with api.session.get(f"{api.url}/api/v1/openapi.json") as response:
        text = await response.text()
    start = (await api.call("GET", "/docs/start.js", headers={"Authorization": None})).body
    pattern = re.search(r"replace\(/(.+?)/,", start)
    assert pattern
    assert re.match(pattern[1], text)


async def test_only_the_pages_own_files_are_served(api: ControlApi) -> None:
    for file in ("index.html", "swagger-ui.js", "..%2f..%2fapp.py", "app.py"):
        assert (await api.call("GET", f"/docs/{file}")).status == 404

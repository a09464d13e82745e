// The bundled Swagger UI draws OpenAPI 3.0 and refuses to try 3.1, although it shows all that this document uses. Only
// the page is told 3.0; /api/v1/openapi.json stays what it is.
function asOpenApi30(response) {
  if (typeof response.text === "string") {
    response.text = response.text.replace(/^\{"openapi": "3\.1\.\d+"/, '{"openapi": "3.0.3"');
  }
  return response;
}

window.ui = SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis],
  responseInterceptor: asOpenApi30,
});

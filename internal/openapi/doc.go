// Package openapi writes the OpenAPI 3.1 document of an HTTP interface from what stands beside its routes. Nothing is described twice: an
// Operation says what a route is for and which Go types its bodies are, and their JSON Schemas (2020-12) follow from the types as
// encoding/json sees them.
//
//	does := openapi.Does
//	Route{"POST", "/v1/tokens", does("Make a token").Takes(order{}).Answers(201, token{}), ...}
//
// # What follows from a type
//
// A struct that has a name is a component of the document under that name, with its first letter as a capital. In an answer every
// member is required that has neither omitempty nor omitzero. In a body that is asked for, members are optional but for those tagged
// `required:"true"`, and others are refused; so no type is used both ways. The tag `doc:"…"` says what a name can't: a unit, or what the empty
// value means. What encodes itself as text is a string. API.Types gives the schema of types that Go's type system doesn't tell all about.
package openapi

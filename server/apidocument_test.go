package server_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"

	"github.com/arpenteur/arpenteur/server"
)

func TestTheDocumentIsOpenAPIAndNamesEveryRoute(t *testing.T) {
	w := newWorld(t)
	r := w.ask("", "GET", "/openapi.json", nil)
	var document struct {
		OpenAPI string
		Paths   map[string]map[string]struct {
			OperationID string
			Summary     string
			Security    []map[string][]string
			Roles       []string `json:"x-roles"`
		}
	}
	r.ok(&document)
	if !strings.HasPrefix(document.OpenAPI, "3.1.") {
		t.Fatalf("openapi: %q", document.OpenAPI)
	}
	named := 0
	ids := map[string]string{}
	for _, rt := range server.Routes() {
		o, found := document.Paths[rt.Path][strings.ToLower(rt.Method)]
		if !found || o.Summary == "" {
			t.Errorf("%s %s is not described", rt.Method, rt.Path)
		}
		if other := ids[o.OperationID]; other != "" {
			t.Errorf("%s %s and %s have one operationId, %q", rt.Method, rt.Path, other, o.OperationID)
		}
		ids[o.OperationID] = rt.Method + " " + rt.Path
		if open := rt.Action == "anyone"; open != (len(o.Security) == 0) {
			t.Errorf("%s %s: security %v", rt.Method, rt.Path, o.Security)
		}
		named++
	}
	for path, methods := range document.Paths {
		if named -= len(methods); named < 0 {
			t.Errorf("%s is described and not there", path)
		}
	}
	if roles := document.Paths["/v1/tokens"]["post"].Roles; len(roles) != 1 || roles[0] != "administrator" {
		t.Errorf("tokens are made by %v", roles)
	}
}

func TestTheDocumentKeepsToTheSchemaOfOpenAPI(t *testing.T) {
	raw, err := server.Document()
	if err != nil {
		t.Fatal(err)
	}
	document, err := libopenapi.NewDocument(raw)
	if err != nil {
		t.Fatal(err)
	}
	check, errs := validator.NewValidator(document)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	if valid, found := check.ValidateDocument(); !valid {
		for _, f := range found {
			t.Error(f.Message, f.Reason, f.SchemaValidationErrors)
		}
	}
	broken := strings.Replace(string(raw), `"in":"path"`, `"in":"nowhere"`, 1)
	if document, err = libopenapi.NewDocument([]byte(broken)); err != nil {
		t.Fatal(err)
	}
	if check, errs = validator.NewValidator(document); len(errs) == 0 {
		if valid, _ := check.ValidateDocument(); valid {
			t.Error("the validator accepts a parameter that is nowhere")
		}
	}
	again, err := server.Document()
	if err != nil || !json.Valid(again) || string(again) != string(raw) {
		t.Errorf("the document is not the same twice: %v", err)
	}
}

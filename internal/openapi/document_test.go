package openapi_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/arpenteur/arpenteur/internal/openapi"
)

type shelf struct {
	Name   string  `json:"name"`
	Height float64 `json:"height,omitempty" doc:"in metres"`
	*label
	Inner []shelf `json:"inner,omitempty"`
	Owner *owner  `json:"owner"`
	skip  int
}

type label struct {
	Text string `json:"text"`
}

type owner struct {
	Account string `json:"account"`
}

type order struct {
	Name string `json:"name" required:"true"`
	Note string `json:"note"`
}

func document(t *testing.T, o openapi.Operation, types map[reflect.Type]openapi.Schema) (map[string]any, error) {
	t.Helper()
	api := openapi.API{
		Title: "Shelves", Version: "1.0.0", Problem: owner{}, ProblemMedia: "application/problem+json", Types: types,
		Path:   map[string]openapi.Parameter{"id": {About: "of a shelf"}},
		Routes: []openapi.Route{{Method: "POST", Path: "/v1/shelves/{id}/bottom-row", Operation: o, Security: []string{"bearer"}}},
	}
	raw, err := api.Document()
	if err != nil {
		return nil, err
	}
	var out map[string]any
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	return out, nil
}

func TestTheSchemasOfATypeAreWhatEncodingJSONDoesWithIt(t *testing.T) {
	_ = shelf{skip: 1}.skip
	doc, err := document(t, openapi.Does("Put").Takes(order{}).Answers(201, shelf{}).Answers(204, nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	at := func(path string) string {
		var v any = doc
		for name := range strings.SplitSeq(path, " ") {
			v = v.(map[string]any)[name]
		}
		raw, _ := json.Marshal(v)
		return string(raw)
	}
	operation := "paths /v1/shelves/{id}/bottom-row post "
	for path, want := range map[string]string{
		"components schemas Shelf required":                             `["name","owner","text"]`,
		"components schemas Shelf properties height":                    `{"description":"in metres","type":"number"}`,
		"components schemas Shelf properties inner":                     `{"items":{"$ref":"#/components/schemas/Shelf"},"type":"array"}`,
		"components schemas Shelf properties owner":                     `{"anyOf":[{"$ref":"#/components/schemas/Owner"},{"type":"null"}]}`,
		"components schemas Shelf properties skip":                      `null`,
		"components schemas Order required":                             `["name"]`,
		"components schemas Order additionalProperties":                 `false`,
		operation + "operationId":                                       `"postShelvesByIdBottomRow"`,
		operation + "parameters":                                        `[{"description":"of a shelf","in":"path","name":"id","required":true,"schema":{"type":"string"}}]`,
		operation + "responses 204":                                     `{"description":"Done; there is nothing to tell"}`,
		operation + "security":                                          `[{"bearer":[]}]`,
		operation + "requestBody content application/json schema":       `{"$ref":"#/components/schemas/Order"}`,
		operation + "responses 201 content application/json schema":     `{"$ref":"#/components/schemas/Shelf"}`,
		"components responses Problem content application/problem+json": `{"schema":{"$ref":"#/components/schemas/Owner"}}`,
	} {
		if got := at(path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

func TestWhatCannotBeDescribedIsAnErrorAndNoGap(t *testing.T) {
	type stamped struct {
		At time.Time `json:"at"`
	}
	for name, o := range map[string]openapi.Operation{
		"writes its own JSON":       openapi.Does("Tell").Answers(200, stamped{}),
		"both asked for and":        openapi.Does("Tell").Takes(shelf{}).Answers(200, shelf{}),
		"does not say what it does": openapi.Does("Tell"),
		"has no form in JSON":       openapi.Does("Tell").Answers(200, struct{ F func() }{}),
	} {
		if _, err := document(t, o, nil); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v, want one that says %q", err, name)
		}
	}
	types := map[reflect.Type]openapi.Schema{reflect.TypeFor[time.Time](): {"type": "string", "format": "date-time"}}
	if _, err := document(t, openapi.Does("Tell").Answers(200, stamped{}), types); err != nil {
		t.Error(err)
	}
}

func TestAnOperationThatSaysMoreLeavesTheOneItIsFromAsItWas(t *testing.T) {
	base := openapi.Does("List").Query(openapi.Parameter{Name: "a"})
	one, two := base.Query(openapi.Parameter{Name: "b"}), base.Query(openapi.Parameter{Name: "c"})
	if fmt.Sprint(one) == fmt.Sprint(two) {
		t.Errorf("%v and %v share what they say", one, two)
	}
}

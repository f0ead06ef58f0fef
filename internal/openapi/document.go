package openapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
)

// API is an HTTP interface to be described.
type API struct {
	Title   string
	Version string // of the interface
	About   string // CommonMark
	// Security names the ways to say who asks, each with its Security Scheme Object.
	Security map[string]Schema
	// Problem is a value of the type of every refusal's body, ProblemMedia its media type.
	Problem      any
	ProblemMedia string
	// Path describes the parameters of paths by their names.
	Path map[string]Parameter
	// Types holds the schemas of types that Go's type system doesn't tell all about: those that encode themselves, closed sets of words.
	Types  map[reflect.Type]Schema
	Routes []Route
	// Messages are what the interface sends by itself, to receivers that were named to it.
	Messages []Message
}

// Message is a request that a receiver is sent: JSON with the members type, which is the name, timestamp and data.
type Message struct {
	Name, Summary string
	Data          any // a value of the type of the member data
}

// Route is one method at one path, whose parameters stand in braces: "/v1/tokens/{id}".
type Route struct {
	Method, Path string
	Operation    Operation
	// Security names the schemes of which any one will do; none where nobody is asked.
	Security []string
	// Extensions are further members of the Operation Object; their names begin with x-.
	Extensions map[string]any
}

// Document returns the document as JSON, the same bytes for the same API. It fails where a route is not described, a parameter of a
// path is not known, or a type can't be.
func (a *API) Document() ([]byte, error) {
	s := newSchemas(a.Types)
	problem, err := s.of(a.Problem, false)
	if err != nil {
		return nil, err
	}
	paths := map[string]map[string]any{}
	for i := range a.Routes {
		rt := &a.Routes[i]
		operation, err := a.operation(rt, s)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", rt.Method, rt.Path, err)
		}
		if paths[rt.Path] == nil {
			paths[rt.Path] = map[string]any{}
		}
		paths[rt.Path][strings.ToLower(rt.Method)] = operation
	}
	messages, err := a.messages(s)
	if err != nil {
		return nil, err
	}
	return json.Marshal(map[string]any{
		"openapi":  "3.1.0",
		"info":     map[string]any{"title": a.Title, "version": a.Version, "description": a.About},
		"paths":    paths,
		"webhooks": messages,
		"components": map[string]any{
			"schemas":         s.components,
			"securitySchemes": a.Security,
			"responses": map[string]any{"Problem": map[string]any{
				"description": "A refusal (RFC 9457), or a defect of the server",
				"content":     map[string]any{a.ProblemMedia: map[string]any{"schema": problem}},
			}},
		},
	})
}

var inBraces = regexp.MustCompile(`\{([a-z]+)\}`)

// operation returns the Operation Object of a route.
func (a *API) operation(rt *Route, s *schemas) (map[string]any, error) {
	o := rt.Operation
	if o.summary == "" || len(o.answers) == 0 {
		return nil, errors.New("the route does not say what it does and answers")
	}
	out := map[string]any{"operationId": operationID(rt), "summary": o.summary, "security": []any{}}
	if o.detail != "" {
		out["description"] = o.detail
	}
	if len(rt.Security) > 0 {
		var schemes []any
		for _, name := range rt.Security {
			schemes = append(schemes, map[string]any{name: []string{}})
		}
		out["security"] = schemes
	}
	parameters, err := a.parameters(rt)
	if err != nil {
		return nil, err
	}
	if len(parameters) > 0 {
		out["parameters"] = parameters
	}
	if len(o.takes) > 0 {
		content, err := contentOf(o.takes, s, true)
		if err != nil {
			return nil, err
		}
		out["requestBody"] = map[string]any{"required": true, "content": content}
	}
	if out["responses"], err = responses(&o, s); err != nil {
		return nil, err
	}
	for name, v := range rt.Extensions {
		out[name] = v
	}
	return out, nil
}

// messages returns what the document says of what is sent. A receiver answers what it likes: 2xx takes the message.
func (a *API) messages(s *schemas) (map[string]any, error) {
	out := map[string]any{}
	for _, m := range a.Messages {
		data, err := s.of(m.Data, false)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.Name, err)
		}
		schema := Schema{
			"type": "object", "required": []string{"type", "timestamp", "data"},
			"properties": map[string]any{
				"type": Schema{"const": m.Name}, "timestamp": Schema{"type": "string", "format": "date-time"}, "data": data,
			},
		}
		out[m.Name] = map[string]any{"post": map[string]any{
			"summary":     m.Summary,
			"requestBody": map[string]any{"required": true, "content": map[string]any{mediaJSON: map[string]any{"schema": schema}}},
			"responses":   map[string]any{"2XX": map[string]any{"description": "Taken"}, "410": map[string]any{"description": "Send nothing any more"}},
		}}
	}
	return out, nil
}

// parameters returns the Parameter Objects of a route, those of the path first.
func (a *API) parameters(rt *Route) ([]any, error) {
	var out []any
	add := func(p Parameter, in string) {
		schema := p.Schema
		if schema == nil {
			schema = Schema{"type": "string"}
		}
		one := map[string]any{"name": p.Name, "in": in, "schema": schema, "description": p.About}
		if in == "path" {
			one["required"] = true
		}
		out = append(out, one)
	}
	for _, found := range inBraces.FindAllStringSubmatch(rt.Path, -1) {
		p, known := a.Path[found[1]]
		if !known {
			return nil, fmt.Errorf("the parameter %s of the path is not known", found[1])
		}
		p.Name = found[1]
		add(p, "path")
	}
	for _, p := range rt.Operation.query {
		add(p, "query")
	}
	return out, nil
}

// responses returns the Responses Object of a route. What is not a success is a problem.
func responses(o *Operation, s *schemas) (map[string]any, error) {
	out := map[string]any{"default": map[string]any{"$ref": "#/components/responses/Problem"}}
	for _, a := range o.answers {
		one := map[string]any{"description": reason(a.status)}
		if len(a.bodies) > 0 {
			content, err := contentOf(a.bodies, s, false)
			if err != nil {
				return nil, err
			}
			one["content"] = content
		}
		out[strconv.Itoa(a.status)] = one
	}
	return out, nil
}

// contentOf returns the Media Type Objects of bodies. Several of one media type may stand for each other.
func contentOf(bodies []body, s *schemas, asked bool) (map[string]any, error) {
	alternatives := map[string][]Schema{}
	for _, b := range bodies {
		schema, err := s.of(b.value, asked)
		if err != nil {
			return nil, err
		}
		alternatives[b.media] = append(alternatives[b.media], schema)
	}
	out := map[string]any{}
	for media, list := range alternatives {
		schema := list[0]
		if len(list) > 1 {
			schema = Schema{"anyOf": list}
		}
		out[media] = map[string]any{"schema": schema}
	}
	return out, nil
}

// operationID names a route by its method and path, which are what callers hold on to: "getLedgersByLedgerRecords".
func operationID(rt *Route) string {
	var b strings.Builder
	b.WriteString(strings.ToLower(rt.Method))
	for part := range strings.SplitSeq(rt.Path, "/") {
		if part == "" || part == "v1" {
			continue
		}
		if name, isParameter := strings.CutPrefix(part, "{"); isParameter {
			part = "by-" + strings.TrimSuffix(name, "}")
		}
		for word := range strings.FieldsFuncSeq(part, func(r rune) bool { return r == '-' || r == '.' || r == '_' }) {
			b.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	return b.String()
}

// reason says in words what a status of success means, which the document must say.
func reason(status int) string {
	switch status {
	case 201:
		return "Made"
	case 202:
		return "Taken; it goes on"
	case 204:
		return "Done; there is nothing to tell"
	case 206:
		return "A part"
	}
	return "The answer"
}

package server_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/arpenteur/arpenteur/server"
)

// contract holds every answer that a test of this package receives, and every request that succeeds, against the document at
// /openapi.json, so that neither can drift from the other.
type contract struct {
	mu       sync.Mutex
	document map[string]any
	compiler *jsonschema.Compiler
	compiled map[string]*jsonschema.Schema
	routes   []contractRoute
	answered map[string]bool // by "GET /v1/me": a success was seen
}

// contractRoute is one operation of the document.
type contractRoute struct {
	method, path string
	pattern      *regexp.Regexp
	operation    map[string]any
}

// theContract is read once for all tests.
var theContract = sync.OnceValues(readContract)

func readContract() (*contract, error) {
	raw, err := server.Document()
	if err != nil {
		return nil, err
	}
	k := &contract{compiler: jsonschema.NewCompiler(), compiled: map[string]*jsonschema.Schema{}, answered: map[string]bool{}}
	if err := json.Unmarshal(raw, &k.document); err != nil {
		return nil, err
	}
	forbidOthers(k.document["components"])
	forbidOthers(k.document["paths"])
	strict, err := json.Marshal(k.document)
	if err != nil {
		return nil, err
	}
	k.compiler.Draft = jsonschema.Draft2020
	k.compiler.AssertFormat = true
	if err := k.compiler.AddResource("openapi.json", bytes.NewReader(strict)); err != nil {
		return nil, err
	}
	braces := regexp.MustCompile(`\\\{[a-z]+\\\}`)
	for path, operations := range k.document["paths"].(map[string]any) {
		for method, operation := range operations.(map[string]any) {
			pattern := regexp.MustCompile("^" + braces.ReplaceAllString(regexp.QuoteMeta(path), "[^/]+") + "$")
			k.routes = append(k.routes, contractRoute{strings.ToUpper(method), path, pattern, operation.(map[string]any)})
		}
	}
	slices.SortFunc(k.routes, func(a, b contractRoute) int { return strings.Compare(a.path, b.path) })
	return k, nil
}

// forbidOthers lets no object have members that the document doesn't name. Callers of the interface must ignore such members, so that
// some can be added; here they are a slip.
func forbidOthers(node any) {
	switch node := node.(type) {
	case map[string]any:
		_, said := node["additionalProperties"]
		if properties, object := node["properties"].(map[string]any); object && !said && len(properties) > 0 {
			node["additionalProperties"] = false
		}
		for _, inner := range node {
			forbidOthers(inner)
		}
	case []any:
		for _, inner := range node {
			forbidOthers(inner)
		}
	}
}

// find returns the operation that a request asks for, nil where there is none.
func (k *contract) find(r *http.Request) *contractRoute {
	for i := range k.routes {
		if rt := &k.routes[i]; rt.method == r.Method && rt.pattern.MatchString(r.URL.Path) {
			return rt
		}
	}
	return nil
}

// exchange is one request with its answer.
type exchange struct {
	r      *http.Request
	asked  []byte
	status int
	header http.Header
	body   []byte
}

// check returns what is not as the document says.
func (k *contract) check(x *exchange) error {
	rt := k.find(x.r)
	if x.status >= 400 {
		return k.validate("/components/responses/Problem/content/"+pointer("application/problem+json"), x.body)
	}
	if rt == nil {
		return fmt.Errorf("is not in the document")
	}
	k.mu.Lock()
	k.answered[rt.method+" "+rt.path] = true
	k.mu.Unlock()
	at := "/paths/" + pointer(rt.path) + "/" + strings.ToLower(rt.method)
	if err := k.checkAnswer(x, rt, at); err != nil {
		return err
	}
	return k.checkRequest(x, rt, at)
}

func (k *contract) checkAnswer(x *exchange, rt *contractRoute, at string) error {
	answer, described := rt.operation["responses"].(map[string]any)[fmt.Sprint(x.status)].(map[string]any)
	if !described {
		return fmt.Errorf("answers %d, which the document doesn't say", x.status)
	}
	content, _ := answer["content"].(map[string]any)
	media, _, _ := mime.ParseMediaType(x.header.Get("Content-Type"))
	if content == nil {
		if len(x.body) > 0 {
			return fmt.Errorf("answers with a body, which the document doesn't say")
		}
		return nil
	}
	if content[media] == nil {
		return fmt.Errorf("answers with %q, which the document doesn't say", media)
	}
	at += "/responses/" + fmt.Sprint(x.status) + "/content/" + pointer(media)
	switch media {
	case "application/json":
		return k.validate(at, x.body)
	case "application/x-ndjson":
		for line := range bytes.Lines(x.body) {
			if err := k.validate(at, line); err != nil {
				return err
			}
		}
	}
	return nil
}

func (k *contract) checkRequest(x *exchange, rt *contractRoute, at string) error {
	known := map[string]bool{}
	parameters, _ := rt.operation["parameters"].([]any)
	for i, raw := range parameters {
		p := raw.(map[string]any)
		name, _ := p["name"].(string)
		if p["in"] != "query" {
			continue
		}
		known[name] = true
		if v := x.r.URL.Query().Get(name); v != "" {
			if p["schema"].(map[string]any)["type"] == "string" {
				quoted, _ := json.Marshal(v)
				v = string(quoted)
			}
			if err := k.validateAt(fmt.Sprintf("%s/parameters/%d/schema", at, i), []byte(v)); err != nil {
				return fmt.Errorf("parameter %s: %w", name, err)
			}
		}
	}
	for name := range x.r.URL.Query() {
		if !known[name] {
			return fmt.Errorf("takes the parameter %q, which the document doesn't say", name)
		}
	}
	body, _ := rt.operation["requestBody"].(map[string]any)
	if content, _ := body["content"].(map[string]any); content["application/json"] != nil {
		if err := k.validate(at+"/requestBody/content/"+pointer("application/json"), x.asked); err != nil {
			return fmt.Errorf("takes a body that is not as the document says: %w", err)
		}
	}
	return nil
}

// validate holds a body against the schema of a Media Type Object.
func (k *contract) validate(at string, body []byte) error {
	return k.validateAt(at+"/schema", body)
}

func (k *contract) validateAt(at string, body []byte) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	schema := k.compiled[at]
	if schema == nil {
		var err error
		if schema, err = k.compiler.Compile("openapi.json#" + at); err != nil {
			return err
		}
		k.compiled[at] = schema
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var v any
	if err := decoder.Decode(&v); err != nil {
		return err
	}
	return schema.Validate(v)
}

// pointer is a segment of a JSON pointer within the fragment of a URL.
func pointer(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D", "+", "+").Replace(name)
}

// kept copies what is written, up to a limit. A stream that never ends is looked at by its head alone.
type kept struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

const keptBytes = 4 << 20

func (w *kept) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *kept) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *kept) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	if w.body.Len() < keptBytes {
		w.body.Write(b)
	}
	return w.ResponseWriter.Write(b)
}

// checked holds everything that a handler answers against the document.
func checked(t testing.TB, next http.Handler) http.Handler {
	t.Helper()
	k, err := theContract()
	if err != nil {
		t.Fatal(err)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asked bytes.Buffer
		request := r.Clone(r.Context())
		if r.Header.Get("Content-Encoding") == "" && r.Body != nil {
			r.Body = struct {
				io.Reader
				io.Closer
			}{io.TeeReader(r.Body, &asked), r.Body}
		}
		out := &kept{ResponseWriter: w}
		next.ServeHTTP(out, r)
		if r.Method == http.MethodHead || out.status == 0 || out.body.Len() >= keptBytes {
			return
		}
		if err := k.check(&exchange{request, asked.Bytes(), out.status, w.Header(), out.body.Bytes()}); err != nil {
			t.Errorf("%s %s: %d: %v: %.600s", r.Method, r.URL, out.status, err, out.body.String())
		}
	})
}

func TestMain(m *testing.M) {
	code := m.Run()
	whole := flag.Lookup("test.run").Value.String() == "" && flag.Lookup("test.skip").Value.String() == "" && !testing.Short() &&
		flag.Lookup("test.list").Value.String() == "" && flag.Lookup("test.bench").Value.String() == "" &&
		flag.Lookup("test.fuzz").Value.String() == "" && flag.Lookup("test.fuzzworker").Value.String() != "true"
	if k, err := theContract(); code == 0 && whole && err == nil {
		for _, rt := range k.routes {
			if !k.answered[rt.method+" "+rt.path] {
				fmt.Printf("no test was answered by %s %s, so nothing holds its answer to the document\n", rt.method, rt.path)
				code = 1
			}
		}
	}
	os.Exit(code)
}

package openapi

import "slices"

// Operation is what the document says of one route. It is a value: its methods return a copy that says more.
type Operation struct {
	summary string
	detail  string
	query   []Parameter
	takes   []body
	answers []answer
}

// Parameter is one of the query, or of the path.
type Parameter struct {
	Name   string
	About  string
	Schema Schema // a string where it is nil
}

// body is one kind of body; value is a Schema, a Go value of the body's type, or nil where the body is bytes.
type body struct {
	media string
	value any
}

// answer is one status with the bodies that it may have; none where it has no body.
type answer struct {
	status int
	bodies []body
}

const mediaJSON = "application/json"

// Does begins the description of a route by what it does, in one line.
func Does(summary string) Operation { return Operation{summary: summary} }

// Detail adds what a caller has to know beyond the summary, in CommonMark.
func (o Operation) Detail(text string) Operation {
	o.detail = text
	return o
}

// Query adds parameters of the query. All are optional.
func (o Operation) Query(list ...Parameter) Operation {
	o.query = append(slices.Clip(o.query), list...)
	return o
}

// Takes adds a JSON body that the route asks for: v is a value of its Go type, or a Schema. A route that takes several takes any one.
func (o Operation) Takes(v any) Operation { return o.TakesMedia(mediaJSON, v) }

// TakesMedia adds a body of another media type. Where v is nil the body is bytes.
func (o Operation) TakesMedia(media string, v any) Operation {
	o.takes = append(slices.Clip(o.takes), body{media, v})
	return o
}

// Answers adds an answer that is JSON: v is a value of its Go type, a Schema, or nil where there is no body.
func (o Operation) Answers(status int, v any) Operation {
	a := answer{status: status}
	if v != nil {
		a.bodies = []body{{mediaJSON, v}}
	}
	o.answers = append(slices.Clip(o.answers), a)
	return o
}

// AnswersMedia adds an answer of other media types, whose bodies are bytes or text.
func (o Operation) AnswersMedia(status int, media ...string) Operation {
	a := answer{status: status}
	for _, m := range media {
		a.bodies = append(a.bodies, body{m, nil})
	}
	o.answers = append(slices.Clip(o.answers), a)
	return o
}

// Streams adds an answer of lines of JSON, each of v's type. The schema of the media type is that of one line, as OpenAPI 3.2 means
// its itemSchema and 3.1 has no word for.
func (o Operation) Streams(status int, media string, v any) Operation {
	o.answers = append(slices.Clip(o.answers), answer{status: status, bodies: []body{{media, v}}})
	return o
}

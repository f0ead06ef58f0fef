package schemas_test

import (
	"testing"

	"github.com/arpenteur/arpenteur/schemas"
)

// eightAnswers is a cleanliness observation as a consultant leaves it after a minute in a hall.
const eightAnswers = `{
	"place": "0190a5f0-0000-7000-8000-000000000001", "visit": "0190a5f0-0000-7000-8000-000000000002", "rater": "consultant-1",
	"litter": {"rating": "2"}, "glass": {"rating": "4"}, "cigarette_butts": {"rating": "2"}, "dog_fouling": {"rating": "4"},
	"urine": {"rating": "2"}, "dumping": {"rating": "1", "count": 6, "urgent": true, "notes": {"consultant-1": "Matelas et cartons"}},
	"rubbish_bags": {"rating": "4", "count": 0}, "pests": {"rating": "2", "seen": ["rodents"]}}`

func BenchmarkValidateEightAnswers(b *testing.B) {
	v := builtin(b, schemas.Cleanliness)
	doc := decode(b, eightAnswers)
	b.ReportAllocs()
	for b.Loop() {
		if found := v.Checklist.Validate(doc); len(found) > 0 {
			b.Fatal(found)
		}
	}
}

func BenchmarkHidden(b *testing.B) {
	v := builtin(b, schemas.Cleanliness)
	doc := decode(b, eightAnswers)
	b.ReportAllocs()
	for b.Loop() {
		v.Hidden(doc)
	}
}

func BenchmarkCompileCleanliness(b *testing.B) {
	content := source(b, schemas.Cleanliness).Content
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		c, err := schemas.NewRegistry()
		if err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		if _, err := c.Compile(schemas.Identify(content), content); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCompileAll is what a program does at its start, before it opens a ledger.
func BenchmarkCompileAll(b *testing.B) {
	sources, err := schemas.Builtin()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		c, err := schemas.NewRegistry()
		if err != nil {
			b.Fatal(err)
		}
		for _, s := range sources {
			if _, err := c.Compile(schemas.Identify(s.Content), s.Content); err != nil {
				b.Fatal(err)
			}
		}
	}
}

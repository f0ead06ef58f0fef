package schemas_test

import (
	"encoding/json"
	"fmt"
	"log"
	"strings"

	"github.com/arpenteur/arpenteur/schemas"
)

// One consultant notes that there is no garbage room, another rates it. Each edit is valid; the merged observation is not, and says so
// in the checklist's own words.
func Example() {
	compiler, err := schemas.NewRegistry()
	if err != nil {
		log.Fatal(err)
	}
	sources, err := schemas.Builtin()
	if err != nil {
		log.Fatal(err)
	}
	cleanliness, err := compiler.Compile(schemas.Identify(sources[0].Content), sources[0].Content)
	if err != nil {
		log.Fatal(err)
	}

	var merged any
	decoder := json.NewDecoder(strings.NewReader(`{
		"place": "0190a5f0-0000-7000-8000-000000000001", "visit": "0190a5f0-0000-7000-8000-000000000002", "rater": "consultant-1",
		"garbage_room": {"exists": false, "rating": "1"}}`))
	decoder.UseNumber()
	if err := decoder.Decode(&merged); err != nil {
		log.Fatal(err)
	}
	form := schemas.FormModel(cleanliness, schemas.French)
	for _, violation := range cleanliness.Checklist.Validate(merged) {
		fmt.Println(form.Field(violation.Path).Label)
		fmt.Println(cleanliness.RuleLabel(violation.Rule, schemas.French))
	}
	// Output:
	// État du local
	// si le local à ordures n'existe pas, son état ne se note pas
}

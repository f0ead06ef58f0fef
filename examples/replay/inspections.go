package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// mappingName is the file beside the inspections that says what their items are.
const mappingName = "rentsafeto_items_mapping.csv"

// inspections are the rows that were read, and what their columns mean.
type inspections struct {
	items []item
	rows  []inspection
}

// item is one thing that an inspection marks.
type item struct {
	name   string // the column
	domain string // "proprete", "entretien", "eclairage", "suivi"
	place  string // "hall", "parking"…
	label  string // French
}

// inspection is one row.
type inspection struct {
	building string    // RSN, the building's number
	address  string    // its name on the tablets
	day      time.Time // zero where it is not believable
	score    int       // of the whole building, 0 to 100
	lat, lon float64   // WGS 84; both 0 where unknown
	marks    map[string]string
}

// readInspections reads at most limit inspections of a file, all where limit is 0.
func readInspections(path string, limit int) (*inspections, error) {
	out := &inspections{}
	err := eachRow(filepath.Join(filepath.Dir(path), mappingName), func(row map[string]string) error {
		out.items = append(out.items, item{row["item"], row["domaine_infere"], row["lieu_infere"], row["libelle_fr_infere"]})
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = eachRow(path, func(row map[string]string) error {
		in := inspection{building: row["RSN"], address: row["SITE ADDRESS"], day: day(row["EVALUATION COMPLETED ON"]), marks: map[string]string{}}
		if in.building == "" {
			return errors.New("an inspection has no RSN")
		}
		in.score, _ = strconv.Atoi(row["CURRENT BUILDING EVAL SCORE"])
		in.lat, in.lon = position(row["LATITUDE"], row["LONGITUDE"])
		for _, it := range out.items {
			if mark := row[it.name]; mark != "" {
				in.marks[it.name] = mark
			}
		}
		out.rows = append(out.rows, in)
		if limit > 0 && len(out.rows) == limit {
			return io.EOF
		}
		return nil
	})
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return out, err
}

// eachRow calls fn with each row of a CSV file, by the names of its columns, until fn returns an error, which eachRow returns.
func eachRow(path string, fn func(row map[string]string) error) error {
	file, err := os.Open(path) //nolint:gosec // named by who runs the program
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // it was only read
	in := csv.NewReader(file)
	head, err := in.Read()
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	for {
		cells, err := in.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		row := make(map[string]string, len(head))
		for i, name := range head {
			row[name] = cells[i]
		}
		if err := fn(row); err != nil {
			return err
		}
	}
}

// firstYear is when the programme began. A date before it, or one that is still to come, is a slip of the pen.
const firstYear = 2017

// day reads a date, or returns the zero time where it is none that an inspection can have.
func day(text string) time.Time {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil || t.Year() < firstYear || t.After(start) {
		return time.Time{}
	}
	return t
}

// position reads coordinates, or returns zeros where one is missing.
func position(lat, lon string) (north, east float64) {
	north, err := strconv.ParseFloat(lat, 64)
	if err != nil {
		return 0, 0
	}
	if east, err = strconv.ParseFloat(lon, 64); err != nil {
		return 0, 0
	}
	return north, east
}

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/price"
)

// pricesFile is found where config.ini is, and says what models cost that the built-in
// table does not know, or not as they cost here.
const pricesFile = "prices.json"

// tariff is what models cost, by name, and whether that is known.
type tariff = func(model string) (llm.Price, bool)

// readPrices reads prices.json beside each of the settings' files; what a later one says
// goes before.
func (p *program) readPrices(settings []string) error {
	var docs []price.Document
	for _, file := range settings {
		name := filepath.Join(filepath.Dir(file), pricesFile)
		data, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("prices: %w", err)
		}
		docs = append(docs, price.Document{Name: name, Data: data})
	}
	t, err := price.Parse(docs...)
	p.table = t
	return err
}

// prices is the tariff of the program.
func (p *program) prices(model string) (llm.Price, bool) {
	if model == rehearsalName || strings.HasPrefix(model, botPrefix) {
		return llm.Price{}, true
	}
	return p.table.Price(model)
}

// Package cost tells what stories cost in a month, in DynamoDB and elsewhere.
package cost

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"math"
)

//go:embed prices.json
var pricesText []byte

// Prices are in US dollars.
type Prices struct {
	AsOf     string `json:"as_of"`
	Region   string `json:"region"`
	Source   string `json:"source"`
	DynamoDB struct {
		MillionWrites  float64 `json:"on_demand_million_writes"`
		WriteUnitHour  float64 `json:"provisioned_write_unit_hour"`
		StorageGBMonth float64 `json:"storage_gb_month"`
		FreeWriteUnits float64 `json:"free_write_units"` // a second, where they are provisioned
		FreeStorageGB  float64 `json:"free_storage_gb"`
	} `json:"dynamodb"`
	CloudWatch struct {
		IngestionGB    float64 `json:"ingestion_gb"`
		StorageGBMonth float64 `json:"storage_gb_month"`
		EventBytes     float64 `json:"bytes_beside_an_event"`
		FreeGB         float64 `json:"free_gb"`
	} `json:"cloudwatch_logs"`
	Burrito float64 `json:"burrito"`
}

// Current returns the prices that this version knows.
func Current() (Prices, error) {
	var p Prices
	if err := json.Unmarshal(pricesText, &p); err != nil {
		return p, fmt.Errorf("the data file of prices: %w", err)
	}
	return p, nil
}

const (
	hours    = 30 * 24 // of a month
	seconds  = hours * 3600
	gigabyte = 1 << 30
	headroom = 2 // provisioned units for each that is consumed on average: load is not even
)

// A Usage is what is written in a month.
type Usage struct {
	Stories    float64 `json:"stories"`
	Lines      float64 `json:"lines"`
	TextBytes  float64 `json:"text_bytes"`  // before compression
	Bytes      float64 `json:"bytes"`       // stored, index rows, aliases and overhead included
	Aliases    float64 `json:"aliases"`     // items by which stories are listed under further keys
	WriteUnits float64 `json:"write_units"` // index rows and aliases included
}

// A Bill is what a month of a usage costs, in US dollars, where stories are kept for
// 30 days, the default of dynamoslog.Table.
type Bill struct {
	FreeTier          float64 `json:"dynamodb_free_tier"` // beyond the free tier, provisioned
	Provisioned       float64 `json:"dynamodb_provisioned"`
	OnDemand          float64 `json:"dynamodb_on_demand"`
	CloudWatch        float64 `json:"cloudwatch_logs"`
	Units             float64 `json:"provisioned_write_units"`
	FreeUnitsShare    float64 `json:"free_write_units_share"` // of the free tier, 1 is all of it
	FreeStorageShare  float64 `json:"free_storage_share"`
	CloudWatchIsFree  bool    `json:"cloudwatch_is_free"`
	OnDemandInBurrito float64 `json:"on_demand_burritos"`
}

// Of returns the bill for a usage.
func (p Prices) Of(u Usage) Bill {
	stored := u.Bytes / gigabyte
	average := u.WriteUnits / seconds
	b := Bill{
		Units:            math.Ceil(average * headroom),
		FreeUnitsShare:   average * headroom / p.DynamoDB.FreeWriteUnits,
		FreeStorageShare: stored / p.DynamoDB.FreeStorageGB,
	}
	units := func(n float64) float64 { return max(n, 0) * p.DynamoDB.WriteUnitHour * hours }
	storage := func(gb float64) float64 { return max(gb, 0) * p.DynamoDB.StorageGBMonth }
	b.FreeTier = units(b.Units-p.DynamoDB.FreeWriteUnits) + storage(stored-p.DynamoDB.FreeStorageGB)
	b.Provisioned = units(b.Units) + storage(stored)
	b.OnDemand = u.WriteUnits/1e6*p.DynamoDB.MillionWrites + storage(stored)

	sent := (u.TextBytes + u.Lines*p.CloudWatch.EventBytes) / gigabyte
	b.CloudWatch = sent*p.CloudWatch.IngestionGB + sent*p.CloudWatch.StorageGBMonth
	b.CloudWatchIsFree = sent <= p.CloudWatch.FreeGB
	b.OnDemandInBurrito = b.OnDemand / p.Burrito
	return b
}

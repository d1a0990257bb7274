package cost_test

import (
	"math"
	"testing"

	"github.com/dynamoslog/dynamoslog/internal/cost"
)

func prices(t *testing.T) cost.Prices {
	t.Helper()
	p, err := cost.Current()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPricesAreComplete(t *testing.T) {
	p := prices(t)
	d, c := p.DynamoDB, p.CloudWatch
	for name, price := range map[string]float64{
		"writes on demand": d.MillionWrites, "provisioned": d.WriteUnitHour, "storage": d.StorageGBMonth,
		"free units": d.FreeWriteUnits, "free storage": d.FreeStorageGB,
		"ingestion": c.IngestionGB, "kept": c.StorageGBMonth, "event": c.EventBytes, "free": c.FreeGB, "burrito": p.Burrito,
	} {
		if price <= 0 {
			t.Errorf("%s is %v", name, price)
		}
	}
	if p.AsOf == "" || p.Source == "" || p.Region == "" {
		t.Errorf("no date, source or region: %+v", p)
	}
}

func TestBill(t *testing.T) {
	const gb = 1 << 30
	for _, test := range []struct {
		name  string
		usage cost.Usage
		want  cost.Bill
	}{
		{"nothing", cost.Usage{}, cost.Bill{CloudWatchIsFree: true}},
		{"a million stories of 3 units and 2 KB, of 50 lines of 90 bytes",
			cost.Usage{Stories: 1e6, Lines: 5e7, TextBytes: 50 * 90 * 1e6, Bytes: 2048e6, WriteUnits: 3e6},
			cost.Bill{
				FreeTier: 0, Units: 3, FreeUnitsShare: 2 * 3e6 / 2592000 / 25, FreeStorageShare: 2048e6 / gb / 25,
				Provisioned: 3*0.00065*720 + 0.25*2048e6/gb,
				OnDemand:    3*0.625 + 0.25*2048e6/gb, OnDemandInBurrito: (3*0.625 + 0.25*2048e6/gb) / 7.40,
				CloudWatch: 0.53 * (50*90*1e6 + 26*5e7) / gb, CloudWatchIsFree: false,
			}},
		{"beyond the free tier",
			cost.Usage{Bytes: 30 * gb, WriteUnits: 20 * 2592000},
			cost.Bill{
				FreeTier: 15*0.00065*720 + 5*0.25, Units: 40, FreeUnitsShare: 1.6, FreeStorageShare: 1.2,
				Provisioned: 40*0.00065*720 + 30*0.25,
				OnDemand:    51.84*0.625 + 30*0.25, OnDemandInBurrito: (51.84*0.625 + 30*0.25) / 7.40, CloudWatchIsFree: true,
			}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := prices(t).Of(test.usage)
			for name, pair := range map[string][2]float64{
				"free tier": {got.FreeTier, test.want.FreeTier}, "provisioned": {got.Provisioned, test.want.Provisioned},
				"on demand": {got.OnDemand, test.want.OnDemand}, "CloudWatch": {got.CloudWatch, test.want.CloudWatch},
				"units": {got.Units, test.want.Units}, "share of units": {got.FreeUnitsShare, test.want.FreeUnitsShare},
				"share of storage": {got.FreeStorageShare, test.want.FreeStorageShare}, "burritos": {got.OnDemandInBurrito, test.want.OnDemandInBurrito},
			} {
				if math.Abs(pair[0]-pair[1]) > 1e-9*max(1, math.Abs(pair[1])) {
					t.Errorf("%s: got %v, want %v", name, pair[0], pair[1])
				}
			}
			if got.CloudWatchIsFree != test.want.CloudWatchIsFree {
				t.Errorf("CloudWatch is free: %v", got.CloudWatchIsFree)
			}
		})
	}
}

package viewer

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/dynamoslog/dynamoslog/internal/reading"
	"github.com/dynamoslog/dynamoslog/story"
)

// A failurePage says what is wrong and what to do.
type failurePage struct {
	Title  string
	Status int
	What   string
	Do     string
	Near   []story.Key // that have stories, where the key of the address has none
}

// fail shows an error as a page with the status that fits.
func (v *viewer) fail(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		return // nobody is there to read it
	}
	if bad := (*story.SearchError)(nil); errors.As(err, &bad) {
		v.failure(w, http.StatusBadRequest, "This search has a term that cannot be", bad.Message(), "Go back, or begin at the newest stories.")
		return
	}
	is := func(targets ...error) bool {
		for _, target := range targets {
			if errors.Is(err, target) {
				return true
			}
		}
		return false
	}
	switch text := err.Error(); {
	case is(story.ErrNotFound):
		v.showFailure(w, failurePage{
			Title: "There is no such story", Status: http.StatusNotFound, What: text, Near: v.near(r),
			Do: "It may have expired, or not be stored yet: an open story is stored after a minute, the others when they end.",
		})
	case is(story.ErrAmbiguous):
		v.failure(w, http.StatusMultipleChoices, "Several stories have this id", text, "Open one by its key and whole id.")
	case is(reading.ErrNoOther):
		if none := (*reading.NoOtherError)(nil); errors.As(err, &none) {
			text = none.Text(time.Now().In(v.opts.Zone))
		}
		v.failure(w, http.StatusNotFound, "There is nothing to compare with", text, "Choose two stories in the list of the object.")
	case is(reading.ErrSameStory, reading.ErrBadView, story.ErrBadKey, story.ErrBadCursor):
		v.failure(w, http.StatusBadRequest, "Something in this address is not understood", text, "Go back, or begin at the newest stories.")
	case is(story.ErrBusy):
		w.Header().Set("Retry-After", "5")
		v.failure(w, http.StatusServiceUnavailable, "The store is busy", text, "Reload in a few seconds.")
	case is(story.ErrUnusable):
		v.failure(w, http.StatusBadGateway, "The store cannot be read as it is configured", text,
			"Reload when that is mended. “dynamoslog table check” says what is wrong with a table.")
	case is(context.DeadlineExceeded):
		v.failure(w, http.StatusGatewayTimeout, "The store did not answer in time", text,
			"Reload, or ask for less: a key, a shorter time.")
	case isNetwork(err):
		w.Header().Set("Retry-After", "5")
		v.failure(w, http.StatusServiceUnavailable, "The store cannot be reached", text,
			"Reload; if it stays, look at the network, the region and the endpoint that are configured.")
	default:
		v.failure(w, http.StatusInternalServerError, "The store could not be read", text, "Reload; if it stays, the text above says where to look.")
	}
}

func isNetwork(err error) bool {
	var network net.Error
	return errors.As(err, &network)
}

func (v *viewer) failure(w http.ResponseWriter, status int, title, what, do string) {
	v.showFailure(w, failurePage{Title: title, Status: status, What: what, Do: do})
}

func (v *viewer) showFailure(w http.ResponseWriter, p failurePage) {
	if head, rest := cut(p.What, longMessage); rest { // an error may say again all that was asked
		p.What = head + "…"
	}
	p.What = escapeLines(p.What)
	if err := v.render(w, p.Status, "failure.html", p); err != nil {
		http.Error(w, p.Title, p.Status)
	}
}

// near returns keys like that of an address; none where the store does not tell.
func (v *viewer) near(r *http.Request) []story.Key {
	key, err := story.ParseKey(r.URL.Query().Get("key"))
	if err != nil {
		return nil
	}
	near, err := reading.Near(r.Context(), v.store, key)
	if err != nil {
		return nil // the page says what it can
	}
	return near
}

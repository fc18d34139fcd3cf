// What a program in Go does about identity, and calls: `flows '[{"do": "list"}, …]'` prints one JSON line an action. A step may carry
// `client`: options of a client of its own, beside the one of the environment and the file.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	modal "github.com/modal-labs/modal-client/go"
)

type step struct {
	Do, Name, App, Method string
	Params                map[string]any
	Args                  []any
	Keys                  []string
	Make                  bool
	Client                *struct{ TokenID, TokenSecret, Environment string }
}

// JSON knows one kind of number; parameters of classes are whole ones.
func whole(params map[string]any) map[string]any {
	for name, value := range params {
		if number, ok := value.(float64); ok {
			params[name] = int64(number)
		}
	}
	return params
}

// CBOR has maps with keys of any kind, JSON has not.
func plain(value any) any {
	switch v := value.(type) {
	case map[any]any:
		named := map[string]any{}
		for key, each := range v {
			named[fmt.Sprint(key)] = plain(each)
		}
		return named
	case []any:
		for i, each := range v {
			v[i] = plain(each)
		}
	}
	return value
}

func callMethod(ctx context.Context, client *modal.Client, s step) (any, error) {
	cls, err := client.Cls.FromName(ctx, s.App, s.Name, nil)
	if err != nil {
		return nil, err
	}
	instance, err := cls.Instance(ctx, whole(s.Params))
	if err != nil {
		return nil, err
	}
	method, err := instance.Method(s.Method)
	if err != nil {
		return nil, err
	}
	return method.Remote(ctx, s.Args, nil)
}

func run(ctx context.Context, s step) (any, error) {
	params := &modal.ClientParams{}
	if s.Client != nil {
		params.TokenID, params.TokenSecret, params.Environment = s.Client.TokenID, s.Client.TokenSecret, s.Client.Environment
	}
	client, err := modal.NewClientWithOptions(params)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	switch s.Do {
	case "list":
		names := []string{}
		all, err := client.Environments.Objects.List(ctx)
		if err != nil {
			return nil, err
		}
		for environment, err := range all {
			if err != nil {
				return nil, err
			}
			names = append(names, environment.Name)
		}
		return names, nil
	case "call":
		function, err := client.Functions.FromName(ctx, s.App, s.Name, nil)
		if err != nil {
			return nil, err
		}
		return function.Remote(ctx, s.Args, nil)
	case "method":
		return callMethod(ctx, client, s)
	case "create":
		return s.Name, client.Environments.Objects.Create(ctx, s.Name, nil)
	case "delete":
		return s.Name, client.Environments.Objects.Delete(ctx, s.Name)
	case "look":
		environment, err := client.Environments.FromName(ctx, s.Name, nil)
		if err != nil {
			return nil, err
		}
		return environment.Name, nil
	case "queue":
		return queue(ctx, client, s.Name)
	case "dropQueue":
		return s.Name, client.Queues.Delete(ctx, s.Name, nil)
	case "putOne":
		q, err := client.Queues.FromName(ctx, s.Name, nil)
		if err != nil {
			return nil, err
		}
		return s.Name, q.Put(ctx, "from here", nil)
	case "takeOne":
		q, err := client.Queues.FromName(ctx, s.Name, &modal.QueueFromNameParams{CreateIfMissing: true})
		if err != nil {
			return nil, err
		}
		wait := 20 * time.Second
		return q.Get(ctx, &modal.QueueGetParams{Timeout: &wait})
	case "secret":
		secret, err := client.Secrets.FromName(ctx, s.Name, &modal.SecretFromNameParams{RequiredKeys: s.Keys})
		if err != nil {
			return nil, err
		}
		return secret.Name, nil
	case "volume":
		return volume(ctx, client, s.Name, s.Make)
	case "dropVolume":
		return s.Name, client.Volumes.Delete(ctx, s.Name, nil)
	case "dropSecret":
		return s.Name, client.Secrets.Delete(ctx, s.Name, nil)
	}
	return nil, errors.New("no such action: " + s.Do)
}

// What is put, in order, then what is taken, read and left.
// The name of a named one; of an ephemeral one whether it has an id.
func volume(ctx context.Context, client *modal.Client, name string, create bool) (any, error) {
	if name != "" {
		v, err := client.Volumes.FromName(ctx, name, &modal.VolumeFromNameParams{CreateIfMissing: create})
		if err != nil {
			return nil, err
		}
		return v.Name, nil
	}
	v, err := client.Volumes.Ephemeral(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer v.CloseEphemeral()
	readOnly := true
	return strings.HasPrefix(v.WithMountOptions(&modal.VolumeMountOptionsParams{ReadOnly: &readOnly}).VolumeID, "vo-"), nil
}

func queue(ctx context.Context, client *modal.Client, name string) (any, error) {
	var q *modal.Queue
	var err error
	if name == "" {
		q, err = client.Queues.Ephemeral(ctx, nil)
	} else {
		q, err = client.Queues.FromName(ctx, name, &modal.QueueFromNameParams{CreateIfMissing: true})
	}
	if err != nil {
		return nil, err
	}
	if name == "" {
		defer q.CloseEphemeral()
	}
	err = errors.Join(q.Put(ctx, "first", nil), q.PutMany(ctx, []any{2, "drei"}, nil), q.Put(ctx, "elsewhere", &modal.QueuePutParams{Partition: "p"}))
	if err != nil {
		return nil, err
	}
	seen := []any{}
	for value, err := range q.Iterate(ctx, nil) {
		if err != nil {
			return nil, err
		}
		seen = append(seen, value)
	}
	sizes := []int{}
	for _, params := range []*modal.QueueLenParams{nil, {Partition: "p"}, {Total: true}} {
		n, err := q.Len(ctx, params)
		if err != nil {
			return nil, err
		}
		sizes = append(sizes, n)
	}
	first, err := q.Get(ctx, nil)
	if err != nil {
		return nil, err
	}
	more, err := q.GetMany(ctx, 5, nil)
	if err != nil {
		return nil, err
	}
	wait := 200 * time.Millisecond
	_, timedOut := q.Get(ctx, &modal.QueueGetParams{Timeout: &wait})
	var queueEmpty modal.QueueEmptyError
	empty := ""
	if errors.As(timedOut, &queueEmpty) {
		empty = "QueueEmptyError"
	}
	if err := q.Clear(ctx, &modal.QueueClearParams{All: true}); err != nil {
		return nil, err
	}
	left, err := q.Len(ctx, &modal.QueueLenParams{Total: true})
	return map[string]any{"seen": seen, "sizes": sizes, "taken": append([]any{first}, more...), "empty": empty, "left": left}, err
}

func main() {
	var steps []step
	if err := json.Unmarshal([]byte(os.Args[1]), &steps); err != nil {
		panic(err)
	}
	for _, s := range steps {
		line := map[string]any{}
		if value, err := run(context.Background(), s); err != nil {
			line["error"] = err.Error()
		} else {
			line["ok"] = plain(value)
		}
		text, err := json.Marshal(line)
		if err != nil {
			panic(err)
		}
		fmt.Println(string(text))
	}
}

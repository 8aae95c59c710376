-- name: any_sealed
SELECT EXISTS (SELECT FROM recordings WHERE state = 'stored' AND key_id <> '')

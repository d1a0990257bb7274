# The table in which dynamoslog keeps stories.
resource "aws_dynamodb_table" "stories" {
  name         = "app-logs"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "object"
  range_key    = "story"

  attribute {
    name = "object"
    type = "S"
  }

  attribute {
    name = "story"
    type = "S"
  }

  attribute {
    name = "recent"
    type = "S"
  }

  global_secondary_index {
    name               = "recent"
    hash_key           = "recent"
    range_key          = "story"
    projection_type    = "INCLUDE"
    non_key_attributes = ["title", "level", "lines", "updated", "duration_ms", "state", "parts", "attrs", "expires_at", "key", "v", "cause", "problem"]
  }

  ttl {
    attribute_name = "expires_at"
    enabled        = true
  }
}

# The table in which dynamoslog keeps stories.
resource "aws_dynamodb_table" "stories" {
  name           = "app-logs"
  billing_mode   = "PROVISIONED"
  read_capacity  = 16
  write_capacity = 16
  hash_key       = "object"
  range_key      = "story"

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
    read_capacity      = 9
    write_capacity     = 9
  }

  ttl {
    attribute_name = "expires_at"
    enabled        = true
  }
}

resource "aws_iam_policy" "stories_writer" {
  description = "Writes stories"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "Table"
        Effect   = "Allow"
        Action   = ["dynamodb:BatchWriteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"]
        Resource = aws_dynamodb_table.stories.arn
      },
      {
        Sid      = "Index"
        Effect   = "Allow"
        Action   = ["dynamodb:Query"]
        Resource = "${aws_dynamodb_table.stories.arn}/index/recent"
      },
    ]
  })
}
